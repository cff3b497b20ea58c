# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts with Debian's kernels have README's first networks and an overlay.

What manages their network has no part in it.
"""

import pytest

OTHER = {"one": "two", "two": "one"}
KERNEL = {"one": "6.1.", "two": "6.12."}
MANAGED = {
    "one": "networkctl list --no-legend | grep --invert-match unmanaged",
    "two": "nmcli --terse --fields device,state device | grep --invert-match -e ':unmanaged$' -e '^lo:'",
}


@pytest.fixture
def name(host):
    """Return the name of the host in the inventory."""
    return host.backend.get_hostname()


def test_host_is_sound(host, name):
    assert host.check_output("systemctl is-system-running") == "running"
    assert host.check_output("uname --kernel-release").startswith(KERNEL[name])


def test_sandboxes_reach_each_other_by_name(host, name):
    host.check_output("ip netns exec www ping -c 1 -W 20 sql")
    host.check_output("ip netns exec blue-%s ping -c 1 -W 20 blue-%s", name, OTHER[name])


def test_the_network_of_the_host_is_managed_without_ours(host, name):
    assert len(host.check_output(MANAGED[name]).splitlines()) == 1
