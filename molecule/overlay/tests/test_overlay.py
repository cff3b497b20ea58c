# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two overlays share hosts. The tests look at them from the sandboxes of each."""

import json
import re

import pytest

BLUE = {
    "blue-a": ("10.9.1.5", "fd00:9::1:5"),
    "blue-b": ("10.9.2.5", "fd00:9::2:5"),
    "blue-c": ("10.9.3.5", "fd00:9::3:5"),
    "mover": ("10.9.200.7", "fd00:9::200:7"),
}
RED = {"red-c": ("10.10.3.5",)}
ROOM = 1450


@pytest.fixture
def name(host):
    """Return the name of the host in the inventory."""
    return host.check_output("hostname")


def answers(host, sandbox, target, *options, patience=20):
    """Say whether TARGET answers SANDBOX once, within PATIENCE seconds."""
    words = " ".join(options)
    return host.run(f"ip netns exec {sandbox} ping -c 1 -W {patience} {words} {target}").rc == 0


def reached(host, sandbox, targets, patience=20):
    """Return which of TARGETS do not answer SANDBOX."""
    return [target for target in targets if not answers(host, sandbox, target, patience=patience)]


def test_host_is_sound(host):
    assert host.check_output("systemctl is-system-running") == "running"


def test_everybody_on_blue_by_address_and_by_name(host, name):
    addresses = [address for both in BLUE.values() for address in both]
    names = [*BLUE, *(f"{each}.blue" for each in BLUE), "db"]
    assert reached(host, f"blue-{name}", addresses) == []
    assert reached(host, f"blue-{name}", names) == []


def test_names_are_asked_of_the_host_s_name_server(host, name):
    assert host.service("cnm-dns").is_running
    assert "nameserver 10.9.0.1" in host.file(f"/etc/netns/blue-{name}/resolv.conf").content_string
    others = {each for each in BLUE if each.startswith("blue-")} - {f"blue-{name}"}
    assert not any(other in host.file(f"/etc/netns/blue-{name}/hosts").content_string for other in others)
    answer = host.check_output(f"ip netns exec blue-{name} getent ahosts db")
    assert {line.split()[0] for line in answer.splitlines()} == {"10.9.3.5", "fd00:9::3:5"}


def test_the_name_server_can_do_little(host):
    pid = host.check_output("cat /run/cnm-dns/aardvark.pid")
    status = host.file(f"/proc/{pid}/status").content_string
    # CAP_NET_BIND_SERVICE of linux/capability.h is 10.
    assert f"CapEff:\t{1 << 10:016x}" in status
    assert "NoNewPrivs:\t1" in status
    assert "Uid:\t61153\t61153\t61153\t61153" in status
    inside = f"nsenter --target {pid} --mount"
    for path in ("/etc/x", "/var/lib/x", "/proc/sys/net/ipv4/ip_forward"):
        assert host.run(f"{inside} touch {path}").rc != 0, path
    for folder in ("/tmp", "/var/tmp", "/home", "/root", "/etc/netns", "/run/cnm", "/run/netns", "/var/lib/cnm"):
        assert host.run(f"{inside} ls -A {folder}").stdout == "", folder
    for path in ("/run/systemd/notify", "/run/systemd/private", "/run/dbus", "/run/systemd/userdb"):
        assert host.run(f"{inside} stat --format %a {path}").stdout in ("", "0\n"), path
    told = host.run("systemd-analyze security --no-pager cnm-dns.service").stdout
    assert float(re.search(r"exposure level for \S+: ([\d.]+)", told)[1]) < 3


def test_frames_of_exactly_the_size(host, name):
    for target in ("blue-a", "blue-b", "blue-c"):
        if target == f"blue-{name}":
            continue
        four, six = BLUE[target]
        for address, header in ((four, 28), (six, 48)):
            assert answers(host, f"blue-{name}", address, "-M do", f"-s {ROOM - header}")
            assert not answers(host, f"blue-{name}", address, "-M do", f"-s {ROOM - header + 1}")


def test_red(host, name):
    if name == "b":
        assert answers(host, "red-b", "red-c") and answers(host, "red-b", RED["red-c"][0])
        learns = json.loads(host.check_output("cnm network inspect red"))[0]["Host"]["Learning"]
        assert not learns, "all on red are known"
    if name == "c":
        assert answers(host, "red-c", "red-b.red"), "its address is chosen"


def test_networks_are_isolated(host, name):
    assert not answers(host, f"blue-{name}", RED["red-c"][0], patience=1)
    if name != "a":
        blue = [both[0] for both in BLUE.values()]
        assert reached(host, f"red-{name}", blue, patience=1) == blue


def test_each_host_leads_outside(host, name):
    assert answers(host, f"blue-{name}", "10.213.5.1")
    assert answers(host, f"blue-{name}", "10.9.0.1")


def test_inspect_knows_all(host, name):
    network = json.loads(host.check_output("cnm network inspect blue"))[0]
    assert network["Scope"] == "global"
    assert {peer["Name"] for peer in network["Peers"]} == {"a", "b", "c"} - {name}
    assert {one["Name"] for one in network["Containers"].values()} == set(BLUE)
