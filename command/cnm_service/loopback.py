# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets at addresses that only processes of this host reach."""

from __future__ import annotations

import ipaddress
import socket

from cnm_command.errors import Failure


def listener(text: str) -> socket.socket:
    """Return a socket that listens at the address and port in TEXT, such as ``127.0.0.1:9469`` or ``[::1]:9469``.

    :raises Failure: if TEXT is something else, if the address is not a loopback address, or if the port is taken
    """
    host, _colon, port = text.rpartition(":")
    try:
        address = ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
        number = int(port)
        if not 0 < number < 1 << 16:
            raise ValueError
    except ValueError as error:
        raise Failure(
            f"'{text}' is neither a path nor an address with a port, such as 127.0.0.1:9469 or [::1]:9469."
        ) from error
    _require(address.is_loopback, text)
    made = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((str(address), number))
        made.listen()
    except OSError as error:
        made.close()
        raise Failure(f"nothing can listen at {text}: {error.strerror or error}.") from error
    return made


def check(made: socket.socket, name: str) -> None:
    """Check that only processes of this host reach MADE, which systemd may have made for the protocol NAME.

    :raises Failure: if others do
    """
    if made.family in (socket.AF_INET, socket.AF_INET6):
        host, port = made.getsockname()[:2]
        _require(ipaddress.ip_address(host).is_loopback, f"{name} at {host} port {port}")


def _require(is_loopback: bool, what: str) -> None:
    if not is_loopback:
        raise Failure(f"{what}: other hosts could reach this address. Use 127.0.0.1, [::1] or the path of a socket.")
