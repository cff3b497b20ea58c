# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox on a LAN has its address from the LAN's DHCP server, after a reboot, too."""

import ipaddress
import json

import pytest

RANGE = ipaddress.ip_address("192.168.7.50"), ipaddress.ip_address("192.168.7.99")
UNITS = "systemctl list-units --plain --no-legend --state=%s 'cnm-dhcp-*'"


@pytest.fixture
def lan(host):
    """Return a host that is on the LAN."""
    if host.check_output("hostname") == "c":
        pytest.skip("Hosts a and b are on the LAN, host c is not.")
    return host


def test_the_address_is_the_servers(lan):
    (shown,) = json.loads(lan.check_output("cnm sandbox inspect scanner"))
    address = shown["Networks"]["office"]["IPAddress"]
    assert RANGE[0] <= ipaddress.ip_address(address) <= RANGE[1]
    assert f" {address}/24 " in lan.check_output("cnm sandbox exec scanner ip -4 -oneline address show")
    assert lan.check_output("cat /run/cnm-dhcp/*.lease").split()[0] == address
    assert lan.check_output("cnm sandbox exec scanner ping -c 1 -W 20 192.168.7.1")


def test_a_unit_runs_its_client(lan):
    (unit,) = lan.check_output(UNITS, "active").splitlines()
    assert "udhcpc" in lan.check_output("systemctl status %s", unit.split()[0])
    assert not lan.check_output(UNITS, "failed")
