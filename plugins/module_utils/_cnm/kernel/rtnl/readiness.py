# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for what the kernel completes only after it has accepted a request, so that everything works after a task.

Two things are left to kernel threads, which are late on a busy host. A new bridge port forwards frames only when its
carrier has been noticed (net/core/link_watch.c). A new IPv6 address gets its local route only when duplicate address
detection has run, even if that is disabled (addrconf_dad_work in net/ipv6/addrconf.c).
"""

from __future__ import annotations

import time
from typing import Callable, Iterable, List, Optional, Sequence, Tuple, TypeVar

from ...resources.kinds import Address
from . import address, interface, route
from .socket import Socket

_PATIENCE = 2.0
"""Seconds. The kernel may notice a link a second late. One whose other end a sandbox has set down is never ready."""
_LONG_PATIENCE = 30.0
"""Seconds to wait for an address in addition. With two cores and fifteen busy processes, 12 seconds were measured."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.02


_T = TypeVar("_T")


def await_ports(host: Socket, names: Sequence[str]) -> None:
    """Wait until the interfaces of the host called NAMES, which are ports of bridges, forward frames."""

    def waiting(left: Sequence[str]) -> List[str]:
        ports = interface.find(host, left)
        return [name for name in left if name in ports and not ports[name].forwarding]

    wait(waiting, names)


def await_addresses(added: Iterable[Tuple[Socket, Sequence[Address]]]) -> None:
    """Wait until the IPv6 addresses ADDED, each with the socket of its namespace, accept packets.

    An address that is removed in the meantime is not waited for: a sandbox can set its interface down.
    """

    def waiting(left: Sequence[Tuple[Socket, List[str]]]) -> List[Tuple[Socket, List[str]]]:
        unused = [(socket, route.not_local(socket, addresses)) for socket, addresses in left if addresses]
        return [(socket, addresses) for socket, addresses in unused if addresses]

    def waiting_and_there(left: Sequence[Tuple[Socket, List[str]]]) -> List[Tuple[Socket, List[str]]]:
        return [(socket, address.present(socket, addresses)) for socket, addresses in waiting(left)]

    texts = [(socket, [each.interface.partition("/")[0] for each in addresses]) for socket, addresses in added]
    late = wait(waiting, [(socket, [text for text in addresses if ":" in text]) for socket, addresses in texts])
    wait(waiting_and_there, late, _LONG_PATIENCE)


def wait(waiting: Callable[[Sequence[_T]], List[_T]], left: Sequence[_T], patience: Optional[float] = None) -> List[_T]:
    """Call WAITING with the items LEFT, and repeatedly with the items that it returned, until it returns none.

    :param patience: after how many seconds to give up; two by default
    :returns: the items that WAITING returned last
    """
    deadline = time.monotonic() + (_PATIENCE if patience is None else patience)
    pause = _FIRST_PAUSE
    left = waiting(left) if left else []
    while left and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
        left = waiting(left)
    return left
