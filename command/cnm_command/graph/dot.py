# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture in Graphviz's language DOT.

Each host is one node, a table with its endpoints. Its edges lead to the networks that span hosts, one for each network
and not for each endpoint. So hundreds of endpoints stay readable.
"""

from __future__ import annotations

from itertools import count
from typing import Dict, Sequence

from _cnm.model.errors import printable

from .fleet import Host, Network, spanning
from .table import TABLE, host_table, text_of

_COLOURS = ("#0969da", "#1a7f37", "#bc4c00", "#8250df", "#bf3989", "#0c7792", "#9a6700", "#cf222e")
"""Of the networks that span hosts, in turn."""


def graph(hosts: Sequence[Host]) -> str:
    """Return the picture of HOSTS.

    The cells of an endpoint have ids: r7.0 to r7.2 are those of the eighth that fleet.places() yields.
    """
    shared = spanning(hosts)
    colours = {network.id: _COLOURS[number % len(_COLOURS)] for number, network in enumerate(shared)}
    # The layout is written here, so that every program of Graphviz makes the same picture.
    lines = [
        "graph cnm {",
        "  graph [layout=sfdp, overlap=prism, splines=true, outputorder=edgesfirst]",
        '  node [shape=plain, fontname="Helvetica", fontsize=10]',
    ]
    lines += [f"  {_network(network)} [label=<{_middle(network, colours[network.id])}>]" for network in shared]
    numbers = count()
    for host in hosts:
        lines.append(f"  {_host(host)} [label=<{host_table(host, colours, numbers)}>]")
        lines += [_edge(host, network, colours) for network in host.networks if network.spans]
    return "\n".join([*lines, "}", ""])


def _edge(host: Host, network: Network, colours: Dict[str, str]) -> str:
    style = "solid" if host.asked else "dashed"
    return f'  {_host(host)} -- {_network(network)} [color="{colours[network.id]}", penwidth=2, style={style}]'


def _middle(network: Network, colour: str) -> str:
    name = f'<B><FONT POINT-SIZE="16">{text_of(network.name)}</FONT></B>'
    content = f'<FONT COLOR="#ffffff">{name}<BR/>{text_of(", ".join(network.about))}</FONT>'
    return f'<TABLE {TABLE} CELLPADDING="8" STYLE="ROUNDED" BGCOLOR="{colour}"><TR><TD>{content}</TD></TR></TABLE>'


def _host(host: Host) -> str:
    return _quoted(f"host {host.name}")


def _network(network: Network) -> str:
    return _quoted(f"network {network.name}")


def _quoted(name: str) -> str:
    escaped = printable(name).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
