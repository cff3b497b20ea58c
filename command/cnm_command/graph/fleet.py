# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a picture shows: hosts, their networks, and the endpoints on these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Sequence, Tuple


@dataclass(frozen=True)
class Row:
    """An endpoint with its sandbox or container, or a sandbox that is on no network."""

    name: str
    addresses: Sequence[str] = ()
    """Without prefix length, the IPv4 address first."""
    ports: Sequence[str] = ()
    """Published ports, as ``docker ps`` shows them."""
    state: str = "running"
    """That of the sandbox: ``running``, ``stopped`` or ``lost``; ``left`` if the endpoint is in no sandbox."""
    details: Sequence[Tuple[str, str]] = ()
    """What else is known, as pairs of a heading and a text."""


@dataclass(frozen=True)
class Network:
    """A network on one host."""

    id: str
    name: str
    about: Sequence[str] = ()
    """Driver, subnets and what else distinguishes it, in a word or two each."""
    spans: bool = False
    """Whether it is one network with those of the same id on other hosts."""
    rows: Sequence[Row] = ()


@dataclass(frozen=True)
class Host:
    """A host that was asked, or what the others know of one that was not."""

    name: str
    networks: Sequence[Network] = ()
    alone: Sequence[Row] = ()
    """Sandboxes that are on no network."""
    asked: bool = True


def spanning(hosts: Sequence[Host]) -> List[Network]:
    """Return the networks that span HOSTS, each once."""
    return list({network.id: network for host in hosts for network in host.networks if network.spans}.values())


def places(hosts: Sequence[Host]) -> Iterator[Tuple[Host, str, Row]]:
    """Yield the rows of HOSTS in the order of the picture, each with its host and the name of its network, if any."""
    for host in hosts:
        for network in host.networks:
            for row in network.rows:
                yield host, network.name, row
        for row in host.alone:
            yield host, "", row
