# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network blue, whose hosts tell each other through etcd of sandboxes that have chosen their addresses."""

import json
import time

import pytest

SANDBOXES = ["blue-a", "blue-b", "blue-c"]
SECONDS = 30
# glibc does not accept what Debian 12's aardvark-dns answers.
_REVERSE = """
import ipaddress, socket, struct, sys
labels = ipaddress.ip_address(sys.argv[1]).reverse_pointer.split(".")
question = b"".join(bytes([len(each)]) + each.encode() for each in labels) + bytes([0, 0, 12, 0, 1])
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.settimeout(5)
asking.sendto(struct.pack("!HHHHHH", 1, 256, 1, 0, 0, 0) + question, ("10.9.0.1", 53))
print(asking.recv(4096))
"""


@pytest.fixture
def name(host):
    """Return the name of the host in the inventory."""
    return host.check_output("hostname")


@pytest.fixture
def inside(host, name):
    """Return what runs a command in the sandbox on the host, and returns the words of its output."""
    return lambda *words: host.run(f"ip netns exec blue-{name} {' '.join(words)}").stdout.split()


def eventually(holds):
    deadline = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def test_the_agent_runs_with_what_only_root_can_read(host):
    service = host.service("cnm-engines")
    assert service.is_running and service.is_enabled
    assert host.file("/etc/cnm/etcd.json").mode == 0o600
    password = json.loads(host.file("/etc/cnm/etcd.json").content_string)["password"]
    assert password not in host.check_output("journalctl --no-pager")
    checked = json.loads(host.run("cnm check --format json").stdout)["findings"]
    assert [each["state"] for each in checked if each["name"] == "etcd"] == ["ok"]


def test_everybody_finds_and_reaches_everybody(host, name, inside):
    assert eventually(lambda: all(inside("getent", "ahostsv4", each) for each in SANDBOXES))
    for each in SANDBOXES:
        four, six = inside("getent", "ahostsv4", each)[0], inside("getent", "ahostsv6", f"{each}.blue")[0]
        assert four.startswith("10.9.") and six.startswith("fd00:9:")
        for address in (four, six):
            assert each in host.check_output("ip netns exec blue-%s python3 -c %s %s", name, _REVERSE, address)
            assert "1 received" in " ".join(inside("ping", "-c", "1", "-W", "5", address))


def test_an_alias_of_several_has_the_addresses_of_all(inside):
    addresses = {inside("getent", "ahostsv4", each)[0] for each in SANDBOXES}
    assert {each for each in inside("getent", "ahostsv4", "all") if each.startswith("10.")} == addresses


def test_nothing_is_flooded(host):
    shown = json.loads(host.check_output("cnm network inspect blue"))[0]
    assert (shown["Host"]["Control"], shown["Host"]["Learning"]) == ("etcd", False)
    assert "00:00:00:00:00:00" not in host.check_output("bridge fdb show dev %s", shown["Host"]["VxlanDevice"])


def test_every_host_is_a_member(host):
    assert host.service("etcd").is_running
