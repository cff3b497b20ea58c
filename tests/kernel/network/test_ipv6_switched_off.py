# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox that disables IPv6 on networks that have it."""

from __future__ import annotations

import pytest
from tasks import Tasks, default_route, hosts, listed, reaches

ALL, ONE = "net.ipv6.conf.all.disable_ipv6", "net/ipv6/conf/eth0/disable_ipv6"


def ipv6(tasks: Tasks, place: str) -> list[str]:
    """Return the IPv6 addresses of PLACE, except link-local ones."""
    links = listed(tasks.host, "ip", "-6", "address", "show", "scope", "global", place=place)
    return [each["local"] for link in links for each in link["addr_info"] if each]


@pytest.mark.parametrize("sysctls", ({ALL: 1}, {ONE: "1"}, {"net.ipv6.conf.default.disable_ipv6": 1, ALL: 1}))
def test_it_is_there_by_ipv4_alone_and_keeps_its_address(tasks: Tasks, sysctls: dict[str, object]) -> None:
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    tasks.sandbox("other", "n")
    tasks.sandbox("quiet", "n", sysctls=sysctls)
    assert not tasks.sandbox("quiet", "n", sysctls=sysctls).changed
    assert reaches("other", "quiet", "10.1.0.3")
    assert (ipv6(tasks, "quiet"), default_route(tasks.host, "quiet", 6)) == ([], "")
    assert hosts("other")["quiet"] == "10.1.0.3"
    tasks.sandbox("third", "n")
    assert ipv6(tasks, "third") == ["fd00:1::4"]
    assert tasks.restore().changed is False
    tasks.sandbox("quiet", sysctls={})
    assert ipv6(tasks, "quiet") == ["fd00:1::3"]
    assert reaches("other", "quiet", "fd00:1::3")
    tasks.sandbox("quiet", sysctls=sysctls)
    assert ipv6(tasks, "quiet") == []
    assert not tasks.sandbox("quiet", "n", sysctls=sysctls).changed


def test_the_setting_of_its_interface_counts_before_that_of_all(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24,fd00:1::/64")
    sysctls = {ALL: 1, ONE: 0}
    tasks.sandbox("loud", "n", sysctls=sysctls)
    assert ipv6(tasks, "loud") == ["fd00:1::2"]
    assert not tasks.sandbox("loud", "n", sysctls=sysctls).changed
