# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the host's name server answers for the names on a network."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from ..drivers import driver
from ..model.addresses import address
from ..model.ids import check_device
from ..model.network import Network
from .context import Context

_PORT = 53


def wanted_dns(
    context: Context, existing: Optional[Network], network: Network, given: Optional[bool], subject: str
) -> bool:
    """Return whether NETWORK is to have DNS: as GIVEN, or as before; a new network has it if possible.

    If DNS was asked for and is impossible, the reason is added to the problems.
    """
    chosen = given if given is not None or existing is None else existing.dns
    if chosen is False:
        return False
    candidate = replace(network, dns=True)
    unable = not driver(network.driver).host_is_gateway(network)
    lack = _lack(context, candidate) if given or chosen is None or unable else ""
    reason = lack or _rival(context, existing, candidate)
    # Nobody asked for DNS, so a new network simply goes without it.
    if reason and chosen is None:
        return False
    if reason:
        context.problems.add(f"{subject}: dns: {reason}")
    return True


def name_server(text: str) -> str:
    """Return the name server's address in TEXT; a link-local address may be followed by its interface.

    :raises ValueError: if TEXT is not such an address
    """
    bare, percent, device = text.partition("%")
    parsed = address(bare)
    if percent and not (parsed.version == 6 and parsed.is_link_local):
        raise ValueError(f"'{text}': only a link-local IPv6 address can name an interface.")
    return f"{parsed}%{check_device(device)}" if percent else str(parsed)


def _lack(context: Context, network: Network) -> str:
    """Return what NETWORK or the host lacks for DNS, in a sentence; empty if nothing is missing."""
    if network.internal:
        return "names on an internal network are in hosts files, because nothing there may resolve external names."
    if not driver(network.driver).host_is_gateway(network):
        return f"this host is not the gateway of network '{network.name}', so its name server cannot answer there."
    if not network.has_dns:
        return "the network has no gateway for the name server to listen on."
    return "" if context.host.has_name_server() else "the name server aardvark-dns is not installed on this host."


def _rival(context: Context, existing: Optional[Network], network: Network) -> str:
    """Return which process already listens on port 53 of a gateway of NETWORK, in a sentence; empty if none does."""
    if not network.has_dns:
        return ""
    known = [gateway for _pool, gateway in existing.gateways()] if existing is not None and existing.has_dns else []
    for gateway in [gateway for _pool, gateway in network.gateways() if gateway not in known]:
        for listener in context.host.listening():
            if (listener.protocol, listener.port) == ("udp", _PORT) and listener.hears(gateway.version, gateway):
                process = context.host.process(listener.inode)
                who = f"process {process}" if process else "a process of the host"
                return f"{who} listens on {gateway} port {_PORT}."
    return ""
