# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``cnm doctor`` says about each thing that can be broken, and that it finds nothing when nothing is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import front_ends
import pytest
from stand_in import OUTSIDE, Host, private

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel

front_ends.use()

from cnm_command.main import main
from findings import Doctor

TOP = Path(__file__).resolve().parents[3]
CNM = [sys.executable, str(TOP / "command" / "cnm.py")]
DROP = "table ip other {\n chain forward {\n type filter hook forward priority 0; policy drop;\n }\n}\n"


class Fault(NamedTuple):
    """Something that is broken by commands, where ``BRIDGE`` and ``PORT`` stand for the bridge and b's port on it."""

    break_: str
    stop: str
    says: str
    advice: str = "cnm restore"
    target: str = "b"
    port: str = ""
    mend: str = ""


FAULTS = {
    "stopped": Fault("", "sandbox idle", "it is stopped", "state: present", "idle"),
    "namespace deleted": Fault("ip netns delete b", "sandbox b", "its network namespace '/run/netns/b' is gone"),
    "another network": Fault("", "network", "a is on web; c is on back", "Put both on one network.", "c"),
    "no network": Fault("", "network", "nowhere has no address", "Put nowhere on a network.", "nowhere"),
    "interface down": Fault("ip -n b link set eth0 down", "interface of b", "veth 'eth0' in '/run/netns/b' is down"),
    "no address": Fault("ip -n a address flush dev eth0", "interface of a", "on 'eth0' in '/run/netns/a' is missing"),
    "another MTU": Fault("ip -n b link set eth0 mtu 1300", "interface of b", "has MTU 1300 instead of 1500"),
    "bridge down": Fault("ip link set BRIDGE down", "bridge BRIDGE", "bridge 'BRIDGE' is down"),
    "bridge deleted": Fault("ip link delete BRIDGE", "bridge BRIDGE", "bridge 'BRIDGE' is missing"),
    "unplugged": Fault("ip link set PORT nomaster", "port of b", "is not connected to 'BRIDGE'"),
    "route astray": Fault(
        "ip -n a route add unreachable 172.18.0.3",
        "route from a",
        "none leads to 172.18.0.3",
        "ip rule",
        mend="ip -n a route delete unreachable 172.18.0.3",
    ),
    "no default route": Fault("ip -n a route delete default", "routes of a", "route 0.0.0.0/0", target="198.51.100.1"),
    "table deleted": Fault("nft delete table inet cnm", "rules", "nft table 'inet cnm' is missing"),
    "table flushed": Fault("nft flush table inet cnm", "rules", "nft table 'inet cnm' has been changed"),
    "element deleted": Fault("nft flush set inet cnm masquerade4", "rules", "element '172.18.0.0/16'"),
    "ICC off": Fault("", "isolation", "enable_icc is false", "publish a port of lone2", "lone2"),
    "forwarding off": Fault(
        "sysctl -qw net.ipv4.ip_forward=0", "forwarding", "value 0 instead of 1", target="198.51.100.1"
    ),
    "policy drop": Fault(
        f"printf '{DROP}' | nft -f -",
        "other firewalls",
        "drops forwarded traffic",
        "'iifname <bridge> accept'",
        "198.51.100.1",
        mend="nft delete table ip other",
    ),
    "internal": Fault("", "network", "internal networks only (back)", "not internal", "198.51.100.1"),
    "macvlan down": Fault(
        "ip -n m2 link set eth0 down", "interface of m2", "macvlan 'eth0' in '/run/netns/m2' is down", target="m2"
    ),
    "parent down": Fault(
        "ip link set uplink down",
        "uplink uplink",
        "'uplink' is down",
        "Run: ip link set uplink up",
        "m2",
        mend="ip link set uplink up; ip route add default via 198.51.100.1",
    ),
    "no way out": Fault(
        "ip route delete default",
        "way out",
        "the host has no route to 192.0.2.1",
        "ip route",
        "192.0.2.1",
        mend="ip route add default via 198.51.100.1",
    ),
    "cable pulled": Fault(
        f"nsenter --net={OUTSIDE} ip link set wan down",
        "way out",
        "'uplink' has no carrier",
        "cable",
        "198.51.100.1",
        mend=f"nsenter --net={OUTSIDE} ip link set wan up",
    ),
    "nobody outside": Fault("", "answer", "198.51.100.77 does not answer", "tcpdump", "198.51.100.77"),
    "rules inside": Fault(
        "ip netns exec b nft 'add table ip t; add chain ip t in { type filter hook input priority 0; policy drop; }'",
        "answer",
        "sandbox b has rules of its own",
        "ip netns exec b nft list ruleset",
        mend="ip netns exec b nft flush ruleset",
    ),
    "nobody listens": Fault(
        "", "port 81 of b", "no program listens on it", "Start the program in sandbox b", port="81"
    ),
    "listens to itself": Fault(
        "LISTEN 127.0.0.1 82", "port 82 of b", "a program listens on 127.0.0.1 only", "listen on 0.0.0.0", port="82"
    ),
    "names lost": Fault("truncate -s 0 /etc/netns/a/hosts", "name b", "file '/etc/netns/a/hosts' has been changed"),
}
SOURCES = {"macvlan down": "m1", "parent down": "m1", "no network": "native", "internal": "c", "ICC off": "lone1"}
LISTEN = """\
import socket, sys, time
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print(flush=True)
time.sleep(99)
"""


@pytest.fixture(scope="module")
def built() -> Iterator[Host]:
    """A host with two networks and a few sandboxes."""
    with private() as host:
        core = Controller(host.kernel, lambda _sentence: None)
        apart = {"name": "apart", "driver_options": {"com.docker.network.bridge.enable_icc": "false"}}
        core.ensure("network", [{"name": "web"}, {"name": "back", "internal": True}, apart])
        lan = {"name": "lan", "driver": "macvlan", "ipam_config": [{"subnet": "10.7.0.0/24"}]}
        core.ensure("network", [{"name": "shop"}, {**lan, "driver_options": {"parent": "uplink"}}])
        on = {
            "www": "shop",
            "db": "shop",
            "m1": "lan",
            "m2": "lan",
            "a": "web",
            "b": "web",
            "c": "back",
            "lone1": "apart",
            "lone2": "apart",
            "native": "host",
            "nowhere": "none",
        }
        sandboxes: list[dict[str, Any]] = [{"name": name, "networks": [{"name": at}]} for name, at in on.items()]
        core.ensure("sandbox", [*sandboxes, {"name": "idle", "state": "stopped", "networks": [{"name": "web"}]}])
        yield host


def names(host: Host) -> dict[str, str]:
    bridge = next(each["Host"]["Device"] for each in shown(host, "network") if each["Name"] == "web")
    ports = json.loads(host.out(["ip", "-json", "link", "show", "master", bridge]))
    inner = json.loads(host.out(["ip", "-n", "b", "-json", "link", "show", "dev", "eth0"]))[0]["link_index"]
    return {"BRIDGE": bridge, "PORT": next(each["ifname"] for each in ports if each["ifindex"] == inner)}


def shown(host: Host, kind: str) -> list[dict[str, Any]]:
    return Controller(host.kernel, lambda _sentence: None, True).describe(kind, lambda _store, _item: True)


@pytest.fixture()
def doctor(capfd: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(capfd)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_by_name(built: Host, doctor: Doctor, fault: str) -> None:
    row = FAULTS[fault]
    words = names(built)

    def filled(text: str) -> str:
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    listener = None
    if row.break_.startswith("LISTEN"):
        inside = ["ip", "netns", "exec", "b", sys.executable, "-c", LISTEN, *row.break_.split()[1:]]
        listener = subprocess.Popen(inside, stdout=subprocess.PIPE)
        assert listener.stdout is not None
        listener.stdout.readline()
    elif row.break_:
        built.out(["sh", "-c", filled(row.break_)])
    try:
        status, found = doctor(SOURCES.get(fault, "a"), row.target, *filter(None, [row.port]))
        assert status == 1
        *fine, last = found
        assert all(each["present"] for each in fine)
        assert (last["present"], last["name"]) == (False, filled(row.stop)), last
        assert filled(row.says) in last["found"] and "None" not in last["found"]
        assert row.advice in last["advice"]
    finally:
        if listener is not None:
            listener.kill()
            listener.wait()
        if row.mend:
            built.out(["sh", "-c", row.mend])
        with Kernel(built.program) as kernel:
            Controller(kernel, lambda _sentence: None).restore()


@pytest.mark.parametrize(
    ("source", "target"), [("a", "b"), ("a", "172.18.0.3"), ("a", "198.51.100.1"), ("native", "198.51.100.1")]
)
def test_what_is_reached_is_reached(built: Host, doctor: Doctor, source: str, target: str) -> None:
    status, found = doctor(source, target)
    assert status == 0
    assert all(each["present"] for each in found)
    assert found[-1]["name"] == ("answer" if target.startswith("198") else "name b")


def test_the_example_of_the_documentation(built: Host) -> None:
    page = (TOP / "docs" / "troubleshooting.md").read_text()
    blocks = [each for each in re.findall(r"```console\n(.*?)```", page, re.DOTALL) if "cnm doctor" in each]
    commands = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("# ")]
    outputs = []
    for command in commands:
        program, *arguments = command.split()
        done = built.run([*CNM, *arguments] if program == "cnm" else [program, *arguments])
        outputs.append(f"# {command}\n{done.stdout}")
    assert "".join(outputs) == "".join(blocks)


def test_an_unknown_sandbox_is_refused(built: Host, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "a", "nobody"]) == 1
    assert "sandbox nobody not found" in capfd.readouterr().err
    assert main(["doctor", "a", "172.18.0.2"]) == 1
    assert "a and 172.18.0.2 are the same sandbox" in capfd.readouterr().err


@pytest.mark.skipif(shutil.which("ansible-playbook") is None, reason="managed hosts need no ansible-playbook")
def test_the_playbook_fails_with_what_the_doctor_says(built: Host, tmp_path: Path) -> None:
    program = tmp_path / "cnm"
    program.write_text(f'#!/bin/sh\nexec {CNM[0]} {CNM[1]} "$@"\n')
    program.chmod(0o755)
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {"here": local}}}))
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    book = str(TOP / "playbooks" / "doctor.yml")
    command = ["ansible-playbook", "--inventory", "hosts.json", book, "--extra-vars", "cnm_from=a cnm_to=b cnm_port=81"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout
    assert "wrong  port 81 of b: no program listens on it" in done.stdout
