# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the service for a plugin of a container engine. It imports next to nothing, because the engine waits.

Fields are bytes, each after a line with its length. A request consists of the number of its fields, the protocol,
standard input, the number of arguments, the arguments, and variables of the environment as ``NAME=VALUE``; then the
client sends no more. The service sends BEGUN before it changes anything, and at the end three fields: exit status,
standard output and standard error. So if it is killed, the client knows whether the request may have been carried out.
"""

from __future__ import annotations

from _socket import AF_UNIX, SHUT_WR, SOCK_STREAM, socket

SOCKET = "/run/cnm/engines.sock"
BEGUN = b"begun"
_LONGEST = 115.0
"""Seconds to wait for the service, which answers before: it waits for other runs for 100 seconds at most."""


def packed(fields: list[bytes]) -> bytes:
    """Return FIELDS as they are sent."""
    return b"".join(b"%d\n%s" % (len(field), field) for field in fields)


def unpacked(data: bytes) -> list[bytes]:
    """Return the fields in DATA that are complete.

    :raises ValueError: if DATA is not as packed() returns it
    """
    fields: list[bytes] = []
    place = 0
    while True:
        begin = data.find(b"\n", place) + 1
        place = begin + int(data[place : begin - 1]) if begin else 0
        if not begin or place > len(data):
            return fields
        fields.append(data[begin:place])


def request(protocol: bytes, text: bytes, arguments: list[bytes], variables: list[bytes]) -> bytes:
    """Return the request with these fields, as it is sent."""
    fields = [protocol, text, b"%d" % len(arguments), *arguments, *variables]
    return packed([b"%d" % (len(fields) + 1), *fields])


def ask(message: bytes) -> tuple[list[bytes], bool]:
    """Return what the service answers to the request MESSAGE, and whether it has begun to change something.

    The answer is empty if there is no service, or if it has ended before it could answer.
    """
    answer = b""
    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.settimeout(_LONGEST)
        connection.connect(SOCKET)
        connection.sendall(message)
        connection.shutdown(SHUT_WR)
        more = connection.recv(1 << 16)
        while more:
            answer += more
            more = connection.recv(1 << 16)
    except OSError:
        # What has arrived says what to do.
        pass
    finally:
        connection.close()
    fields = unpacked(answer)
    begun = fields[:1] == [BEGUN]
    fields = fields[begun:]
    return (fields if len(fields) == 3 else []), begun
