# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an interface is a tunnel of WireGuard, of the kernel or of a process such as wireguard-go."""

from __future__ import annotations

import socket

from .rtnl import interface
from .rtnl.socket import Socket

SOCKETS = "/var/run/wireguard"
"""Where processes that are WireGuard serve their tunnels (https://www.wireguard.com/xplatform/)."""
_PATIENCE = 2
"""Seconds that such a process gets for its answer."""
_ANSWERS = (b"private_k", b"listen_po", b"errno=0\n\n")
"""How an answer begins. No more is read, because a secret may follow."""


def is_wireguard(kernel: Socket, name: str) -> bool:
    """Say whether the interface called NAME is a tunnel of WireGuard."""
    link = interface.find(kernel, [name]).get(name) if name else None
    return link is not None and (link.type == "wireguard" or (link.type == "tun" and _is_served(name)))


def _is_served(name: str) -> bool:
    """Say whether a process answers as WireGuard for the interface called NAME."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(f"{SOCKETS}/{name}.sock")
            connection.sendall(b"get=1\n\n")
            return connection.recv(len(_ANSWERS[0])) in _ANSWERS
    except OSError:
        return False
