# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``ip -batch``: one process for the links of all endpoints, and one for each namespace."""

from __future__ import annotations

from clock import Cost, measured
from stand_in import Host

from . import GATEWAY, PREFIX, address, namespaces


class IpBatch:
    """The best that a shell script can do."""

    most = 1000

    def __init__(self, host: Host) -> None:
        self._host = host

    def prepare(self, number: int) -> None:
        self._host.ip(f"link add br0 type bridge\naddress add {GATEWAY}/{PREFIX} dev br0\nlink set br0 up\n")

    def attach(self, first: int, number: int) -> Cost:
        def work() -> None:
            namespaces.make(first, number)
            numbers = range(first, first + number)
            self._host.ip(
                "".join(
                    f"link add v{each} type veth peer name eth0 netns s{each}\nlink set v{each} master br0 up\n"
                    for each in numbers
                )
            )
            for each in numbers:
                # ip itself enters the namespace, which saves a process.
                lines = (
                    f"address add {address(each)}/{PREFIX} dev eth0",
                    "link set eth0 up",
                    f"route add default via {GATEWAY}",
                )
                done = self._host.run(["ip", "-n", f"s{each}", "-batch", "-"], stdin="\n".join(lines))
                if done.returncode:
                    raise RuntimeError(done.stderr)

        return measured(work)

    def detach(self, first: int, number: int) -> Cost:
        def work() -> None:
            self._host.ip("".join(f"link delete v{each}\n" for each in range(first, first + number)))
            namespaces.remove(first, number)

        return measured(work)

    def networks(self, number: int) -> Cost:
        lines = (
            f"link add b{each} type bridge\naddress add 10.{each >> 6}.{(each & 63) << 2}.1/22 dev b{each}\n"
            f"link set b{each} up\n"
            for each in range(number)
        )
        return measured(lambda: self._host.ip("".join(lines)))

    def close(self) -> None:
        """There is nothing to stop."""
