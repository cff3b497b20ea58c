# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The name server's records of a network."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, List, Mapping, Sequence, Tuple, Union

from ..model.endpoint import Endpoint
from ..model.network import Network
from ..model.overlay_peer import Remote
from ..resources.dns import RECORDS, Records
from .hosts_files import is_local, names

_LINES: Dict[Tuple[str, str], Tuple[Union[Endpoint, Remote], str, str]] = {}
"""The endpoint, the network's name, and the line, by network id and identifier."""
_MOST_LINES = 4096
"""How many of them are kept after a run."""


def records(
    network: Network, here: Iterable[Endpoint], away: Iterable[Remote], servers: Mapping[str, Sequence[str]]
) -> Records:
    """Return the name server's records of NETWORK.

    A sandbox has the same id on all its networks; the server uses it to decide which names the sandbox may see.

    :param here: the running endpoints of this host
    :param away: the endpoints of other hosts
    :param servers: by sandbox id, the servers that resolve external names for it, if it has its own
    """
    if len(_LINES) > _MOST_LINES:
        _LINES.clear()
    text = [",".join(str(gateway) for _pool, gateway in network.gateways())]
    pairs: List[Tuple[Union[Endpoint, Remote], str]] = [(endpoint, str(endpoint.sandbox)) for endpoint in here]
    pairs += [(remote, f"{network.id}/{remote.name}") for remote in away]
    for endpoint, identifier in sorted(pairs, key=lambda pair: (pair[0].name, pair[1])):
        line = _line(network, endpoint, identifier)
        own = servers.get(identifier)
        asked = ",".join([one for one in own if not is_local(one)]) if own else ""
        text.append(f"{line} {asked}" if asked else line)
    return replace(no_records(network), text="".join(f"{line}\n" for line in text))


def _line(network: Network, endpoint: Union[Endpoint, Remote], identifier: str) -> str:
    """Return what the server is told of ENDPOINT, which has IDENTIFIER on NETWORK.

    Objects of the same rows are the same, so a process that stays works out only the lines of changed ones.
    """
    place = (network.id, identifier)
    known = _LINES.get(place)
    if known is not None and known[0] is endpoint and known[1] == network.name:
        return known[2]
    four, six = endpoint.address(4), endpoint.address(6)
    # str() takes half the time of formatting an address.
    line = f"{identifier} {four or ''!s} {six or ''!s} {','.join(names(network, endpoint))}"
    _LINES[place] = (endpoint, network.name, line)
    return line


def no_records(network: Network) -> Records:
    """Return the file with the records of NETWORK, without contents."""
    return Records(f"{RECORDS}/{network.id}", "")
