# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals of the kernel that pass a moment later, as the namespace that has an address is dismantled."""

from __future__ import annotations

import errno
import itertools

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.refusals import Change, carry_out
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl import readiness
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.socket import Refusal

ADDRESS = Change("set the address", b"address", passing=(errno.EADDRINUSE,))
ROUTE = Change("set the route", b"route")


class Kernel:
    """Refuses an address for the first few times, and a route as long as the address is missing."""

    def __init__(self, refusals):
        self.left = refusals
        self.sent = []

    def exchange(self, messages):
        self.sent.append(list(messages))
        return [self.answer(message) for message in messages]

    def answer(self, message):
        if message == b"address" and self.left > 0:
            self.left -= 1
            return Refusal(errno.EADDRINUSE, "Address already in use")
        if message == b"route" and self.left > 0:
            return Refusal(errno.ENETUNREACH, "Network is unreachable")
        return None


@pytest.mark.parametrize("refusals", [1, 3])
def test_an_address_that_is_free_a_moment_later_is_set_with_its_route(refusals):
    kernel = Kernel(refusals)
    assert carry_out(kernel, [ADDRESS, ROUTE]) == []


def test_what_is_accepted_is_sent_once():
    kernel = Kernel(0)
    assert carry_out(kernel, [ADDRESS, ROUTE]) == []
    assert kernel.sent == [[b"address", b"route"]]


def test_an_address_that_stays_in_use_is_reported(monkeypatch):
    times = itertools.count()
    monkeypatch.setattr(readiness.time, "monotonic", lambda: next(times))
    monkeypatch.setattr(readiness.time, "sleep", lambda _seconds: None)
    texts = [str(error) for error in carry_out(Kernel(1000), [ADDRESS, ROUTE])]
    assert texts == [
        "The kernel refused to set the address: Address already in use.",
        "The kernel refused to set the route: Network is unreachable.",
    ]
