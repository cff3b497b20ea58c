# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of resources, and what reads, removes and makes them."""

from __future__ import annotations

from functools import cache
from typing import Callable, Dict, Iterable, List, Tuple, TypeVar

from ..resources import resource
from ..resources.resource import Key
from .face import Face

_Item = TypeVar("_Item")


def _firewall() -> Face:
    from .faces.firewall import Firewall

    return Firewall()


def _namespaces() -> Face:
    from .faces.namespaces import Namespaces

    return Namespaces()


def _openvswitch() -> Face:
    from .faces.openvswitch import Openvswitch

    return Openvswitch()


def _links() -> Face:
    from .faces.links import Links

    return Links()


def _uplinks() -> Face:
    from .faces.uplinks import Uplinks

    return Uplinks()


def _sysctls() -> Face:
    from .faces.sysctls import Sysctls

    return Sysctls()


def _on_link() -> Face:
    from .faces.on_link import OnLink

    return OnLink()


def _files() -> Face:
    from .faces.files import Files

    return Files()


def _naming() -> Face:
    from .faces.naming import Naming

    return Naming()


def _dhcp_clients() -> Face:
    from .faces.dhcp import DhcpClients

    return DhcpClients()


FACES: Dict[Tuple[str, ...], Callable[[], Face]] = {
    ("ruleset", "element", "forward-accept"): _firewall,
    ("namespace",): _namespaces,
    ("ovs-bridge", "ovs-port"): _openvswitch,
    ("link",): _links,
    ("ovs-veth",): _openvswitch,
    ("uplink",): _uplinks,
    ("sysctl",): _sysctls,
    ("address", "route", "forwarding", "neighbour"): _on_link,
    ("file",): _files,
    ("records", "name-server"): _naming,
    ("dhcp-client",): _dhcp_clients,
}
"""By kinds, a function that loads their face, so that a run loads only what it uses.

The order is that in which things are made. Kinds share a face if they are read or sent together.
"""


def by_face(items: Iterable[_Item], kind: Callable[[_Item], str]) -> List[Tuple[Face, List[_Item]]]:
    """Return ITEMS with the faces of their kinds, the faces in the order in which things are made."""
    groups: Dict[int, List[_Item]] = {}
    for item in items:
        groups.setdefault(_place(kind(item)), []).append(item)
    loaders = list(FACES.values())
    return [(_loaded(loaders[place]), groups[place]) for place in sorted(groups)]


@cache
def _loaded(load: Callable[[], Face]) -> Face:
    """Return the face that LOAD loads. Faces have no state."""
    return load()


@cache
def _place(kind: str) -> int:
    """Return which of the faces is that of KIND."""
    return next(place for place, served in enumerate(FACES) if kind in served)


def named(parts: Key) -> Key:
    """Return PARTS as a key of their kind.

    :raises ValueError: if no resource can have such a key
    """
    if parts and parts[0] not in resource.KINDS:
        for served, load in FACES.items():
            if parts[0] in served:
                load()
    return resource.named(parts)
