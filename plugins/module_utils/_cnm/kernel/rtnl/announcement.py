# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Announces on a network which MAC address an IP address now has, so that nobody keeps sending to the former one."""

from __future__ import annotations

import ipaddress
import socket
from typing import Dict, List, Mapping, Sequence, Tuple

from ...model.addresses import mac_of
from ...model.errors import CnmError, KernelRefused
from ...resources.fdb import Neighbour
from ...resources.plan import Step
from ...resources.resource import HOST
from ..namespace import Namespaces

_MANY = 100
"""If a run makes more new neighbours than this, networks are new or restored, and only changed ones are announced: each
frame goes to all ports of a network."""

Sender = Tuple[str, str]
"""A namespace, and the link in it that sends a frame."""
Claim = Tuple[str, str]
"""An IP address and the MAC address that it now has."""


def announce(namespaces: Namespaces, steps: Sequence[Step]) -> List[CnmError]:
    """Announce the neighbours that STEPS make and change; return the errors."""
    many = len([step for step in steps if step.before is None]) > _MANY
    claims: Dict[Sender, List[Claim]] = {}
    for step in steps:
        after = step.after
        if not isinstance(after, Neighbour):
            continue
        senders = [(HOST, after.announced)] if after.announced else []
        if step.before is not None or (not many and not _is_default(after)):
            # The holder sends it itself, so that the bridge does not deliver it to the holder. For an endpoint of
            # another host, this host sends it.
            senders.append(after.holder if after.holder[0] else (HOST, after.link))
        for sender in senders:
            claims.setdefault(sender, []).append((after.address, after.mac))
    return _send(namespaces, claims)


def take_back(namespaces: Namespaces, gone: Sequence[Neighbour]) -> List[CnmError]:
    """Announce the default MAC addresses of the addresses that neighbours had that are GONE; return the errors.

    The next endpoint with such an address has its default MAC address, and does not announce it.
    """
    claims: Dict[Sender, List[Claim]] = {}
    for neighbour in gone:
        if ":" not in neighbour.address and not _is_default(neighbour):
            claims.setdefault((HOST, neighbour.link), []).append((neighbour.address, _default(neighbour)))
    return _send(namespaces, claims)


def _is_default(neighbour: Neighbour) -> bool:
    """Say whether NEIGHBOUR has the MAC address that is derived from its IPv4 address.

    An endpoint's MAC address is usually derived from its IPv4 address, so its IPv6 address has no default.
    """
    return ":" not in neighbour.address and neighbour.mac == _default(neighbour)


def _default(neighbour: Neighbour) -> str:
    return mac_of(ipaddress.ip_address(neighbour.address))


def _send(namespaces: Namespaces, claims: Mapping[Sender, Sequence[Claim]]) -> List[CnmError]:
    """Send CLAIMS; return the errors, except those in sandboxes, which can set their interfaces down at any time."""
    errors: List[CnmError] = []
    for (namespace, device), those in claims.items():
        from .frame import claim

        try:
            with namespaces.inside(namespace), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
                sender.bind((device, 0))
                for each in those:
                    sender.send(claim(*each))
        except OSError as error:
            if namespace == HOST:
                errors.append(KernelRefused(f"The kernel cannot announce addresses on '{device}': {error.strerror}."))
    return errors
