# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Announces on a network which MAC address an address now has, so that nobody keeps sending to the former one."""

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
from .frame import claim

_MANY = 100
"""With more new endpoints than this at once, a network is new or restored: no announcements. Each goes to all ports."""

Sender = Tuple[str, str]
"""A namespace, and the link in it that sends a frame."""


def announce(namespaces: Namespaces, steps: Sequence[Step]) -> List[CnmError]:
    """Announce the neighbours that STEPS make and change; return what failed."""
    many = len([step for step in steps if step.before is None]) > _MANY
    frames: Dict[Sender, List[bytes]] = {}
    for step in steps:
        after = step.after
        if not isinstance(after, Neighbour):
            continue
        senders = [(HOST, after.announced)] if after.announced else []
        if step.before is not None or (not many and not _is_default(after)):
            # Sent by the holder itself, because a bridge does not return a frame to the port that it came from.
            senders.append(after.holder if after.holder[0] else (HOST, after.link))
        for sender in senders:
            frames.setdefault(sender, []).append(claim(after.address, after.mac))
    return _send(namespaces, frames)


def take_back(namespaces: Namespaces, gone: Sequence[Neighbour]) -> List[CnmError]:
    """Announce that the addresses of neighbours that are GONE have the MAC addresses that others would have by default.

    Those are not announced when they come.
    """
    frames: Dict[Sender, List[bytes]] = {}
    for one in gone:
        if ":" not in one.address and not _is_default(one):
            frames.setdefault((HOST, one.link), []).append(claim(one.address, _default(one)))
    return _send(namespaces, frames)


def _is_default(neighbour: Neighbour) -> bool:
    """Say whether its address has had the MAC address of NEIGHBOUR whoever had it, if nobody chose another.

    That of an IPv6 address mostly follows from the IPv4 address beside it.
    """
    return ":" not in neighbour.address and neighbour.mac == _default(neighbour)


def _default(neighbour: Neighbour) -> str:
    return mac_of(ipaddress.ip_address(neighbour.address))


def _send(namespaces: Namespaces, frames: Mapping[Sender, Sequence[bytes]]) -> List[CnmError]:
    """Send FRAMES; return failures, except those in sandboxes, which can set their interfaces down at any time."""
    errors: List[CnmError] = []
    for (namespace, device), those in frames.items():
        try:
            with namespaces.inside(namespace), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
                sender.bind((device, 0))
                for one in those:
                    sender.send(one)
        except OSError as error:
            if namespace == HOST:
                errors.append(KernelRefused(f"The kernel cannot announce addresses on '{device}': {error.strerror}."))
    return errors
