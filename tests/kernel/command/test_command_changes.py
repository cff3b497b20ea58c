# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verbs of the command that change networks and sandboxes, typed as for Docker."""

from __future__ import annotations

import itertools
import json
import os
import re
import select
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

from inventory import difference, inventory
from stand_in import Host
from tasks import Tasks

from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import FOLDER
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.lock import held, note

TOP = Path(__file__).resolve().parents[3]
CNM = [sys.executable, str(TOP / "command" / "cnm.py")]


def cnm(host: Host, line: str) -> str:
    return host.out([*CNM, *line.split()])


def refused(host: Host, line: str) -> str:
    done = host.run([*CNM, *line.split()])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


def shown(host: Host, kind: str, name: str) -> Dict[str, Any]:
    (one,) = json.loads(cnm(host, f"{kind} inspect {name}"))
    assert isinstance(one, dict)
    return one


def names(host: Host, kind: str) -> List[str]:
    return [line.split()[1] for line in cnm(host, f"{kind} ls").splitlines()[1:]]


def test_the_walk_through_in_the_documentation(host: Host) -> None:
    before = inventory(host)
    section = (TOP / "docs" / "docker.md").read_text(encoding="utf-8").partition("## Type it")[2].partition("\n## ")[0]
    typed = {}
    for line in re.findall("^# cnm (.*)$", section, re.MULTILINE):
        if line == "network disconnect myapp web":
            myapp = shown(host, "network", "myapp")
            assert {each["Name"] for each in myapp["Containers"].values()} == {"web", "newapp"}
        typed[line] = cnm(host, line)
        if line == "network disconnect myapp web":
            assert host.run([*CNM, "sandbox", "exec", "newapp", "ping", "-c1", "-W1", "web"]).returncode
    assert re.fullmatch("[0-9a-f]{64}\n", typed["network create web"])
    assert typed["sandbox start web newapp"] == "web\nnewapp\n"
    assert typed["network connect myapp web"] == ""
    assert {"web", "myapp", "bridge", "host", "none"} == {
        each.split()[1] for each in typed["network ls"].splitlines()[1:]
    }
    assert " 0% packet loss" in typed["sandbox exec newapp ping -c 1 web"]
    assert typed["network rm web myapp"] == "web\nmyapp\n"
    assert difference(before, inventory(host)) == {}


def test_a_network_has_what_docker_s_options_say(host: Host) -> None:
    cnm(
        host,
        "network create --driver bridge --subnet 10.1.0.0/16 --subnet fd01::/64 --gateway fd01::9 --gateway 10.1.0.9 "
        "--ip-range 10.1.2.0/24 --aux-address router=10.1.0.1 --opt com.docker.network.driver.mtu=1400 "
        "-o com.docker.network.bridge.name=br-typed --label tier=data --label bare --internal --ipv6 typed",
    )
    network = shown(host, "network", "typed")
    assert network["IPAM"]["Config"] == [
        {
            "Subnet": "10.1.0.0/16",
            "IPRange": "10.1.2.0/24",
            "Gateway": "10.1.0.9",
            "AuxiliaryAddresses": {"router": "10.1.0.1"},
        },
        {"Subnet": "fd01::/64", "Gateway": "fd01::9"},
    ]
    assert (network["Internal"], network["EnableIPv6"], network["Labels"]) == (True, True, {"tier": "data", "bare": ""})
    assert "mtu 1400" in host.out(["ip", "link", "show", "br-typed"])


MISTAKES = {
    "network create web": "network with name web already exists",
    "network create --gateway 10.1.0.1 new": "no matching subnet for --gateway 10.1.0.1",
    "network create --ip-range 10.x new": "invalid value for --ip-range",
    "network create --label =x new": "there is nothing before '='",
    "network create --subnet 10.1.0.1/16 new": "10.1.0.1/16",
    "network rm missing": "network missing not found",
    "network rm web": "network web has active endpoints: 'one'. Remove them first, with cnm network disconnect",
    "network connect web missing": "sandbox missing not found",
    "network connect missing one": "network missing not found",
    "network connect web one": "sandbox one is already on network web",
    "network disconnect bridge one": "sandbox one is not on network bridge",
    "network prune --force --filter bogus=1": "invalid filter 'bogus=1'",
    "sandbox create one": "sandbox with name one already exists",
    "sandbox create --net web --net bridge --ip 10.1.0.5 two": "addresses and aliases are for one network",
    "sandbox start missing": "sandbox missing not found",
    "sandbox rm one": "sandbox one is running. Stop it first, or remove it with --force.",
}


def test_a_mistake_is_refused_in_one_line_and_nothing_changes(host: Host) -> None:
    cnm(host, "network create web")
    cnm(host, "sandbox create --net web one")
    cnm(host, "sandbox start one")
    before = inventory(host)
    for line, said in MISTAKES.items():
        assert said in refused(host, line)
    assert difference(before, inventory(host)) == {}


CHANGES = {
    "network create new": r"^\+ bridge 'br-",
    "network connect spare one": r"^\+ veth '",
    "network disconnect web one": "^- veth '",
    "network disconnect spare one": "^- veth '",
    "network rm spare": "^- bridge 'br-",
    "network prune": "^- bridge 'br-",
    "sandbox start two": r"^\+ network namespace",
    "sandbox stop one": "^- network namespace",
    "sandbox rm --force two": "^- network namespace",
}


def test_a_dry_run_prints_what_would_change_and_the_run_changes_it(host: Host) -> None:
    for network in ("web", "spare"):
        cnm(host, f"network create {network}")
    for sandbox in ("one", "two"):
        cnm(host, f"sandbox create --net web {sandbox}")
    cnm(host, "sandbox start one")
    for line, change in CHANGES.items():
        before = inventory(host)
        predicted = host.run([*CNM, *line.split(), "--dry-run"])
        assert predicted.returncode == 0
        assert re.search(change, predicted.stderr, re.MULTILINE)
        assert difference(before, inventory(host)) == {}
        force = ["--force"] if "prune" in line else []
        done = host.run([*CNM, *line.split(), *force, "--diff"])
        assert (done.returncode, done.stdout, done.stderr) == (0, predicted.stdout, predicted.stderr)
        assert difference(before, inventory(host)) != {}


def test_what_can_be_removed_is_removed_beside_what_cannot(host: Host) -> None:
    for network in ("a", "b"):
        cnm(host, f"network create {network}")
    done = host.run([*CNM, "network", "rm", "a", "missing", "b"])
    assert (done.returncode, done.stdout, done.stderr) == (1, "a\nb\n", "cnm: network missing not found\n")
    assert cnm(host, "network rm --force missing") == "missing\n"


def test_prune_asks_and_leaves_the_networks_of_stopped_sandboxes(host: Host) -> None:
    for network in ("used", "unused"):
        cnm(host, f"network create {network}")
    cnm(host, "sandbox create --net used stopped")
    question = "Are you sure you want to continue? [y/N] "
    for answer in ("n\n", ""):
        done = host.run([*CNM, "network", "prune"], stdin=answer)
        assert (done.returncode, done.stdout.endswith(question)) == (0, True)
        assert {"used", "unused"} <= set(names(host, "network"))
    done = host.run([*CNM, "network", "prune"], stdin="y\n")
    assert (done.returncode, done.stdout.endswith(f"{question}Deleted Networks:\nunused\n")) == (0, True)
    assert set(names(host, "network")) == {"used", "bridge", "host", "none"}


def test_a_sandbox_has_what_docker_s_options_say(host: Host) -> None:
    cnm(host, "network create --subnet 10.1.0.0/16 web")
    cnm(
        host,
        "sandbox create --network web --ip 10.1.0.77 --mac-address 02:42:00:00:00:77 --network-alias www "
        "-p 8080:80 --hostname front --domainname example.org --dns 192.0.2.53 --dns-search example.org "
        "--dns-option ndots:2 --add-host db:192.0.2.9 --sysctl net.ipv4.ip_default_ttl=32 --label tier=front one",
    )
    assert shown(host, "sandbox", "one")["State"] == "stopped"
    cnm(host, "sandbox start one")
    one = shown(host, "sandbox", "one")
    there = one["Networks"]["web"]
    assert (there["IPAddress"], there["MacAddress"], there["Aliases"]) == ("10.1.0.77", "02:42:00:00:00:77", ["www"])
    assert (one["State"], one["Labels"]) == ("running", {"tier": "front"})
    inside = cnm(host, "sandbox exec one cat /etc/resolv.conf /etc/hosts /proc/sys/net/ipv4/ip_default_ttl")
    for text in ("nameserver 192.0.2.53", "search example.org", "options ndots:2", "front.example.org", "192.0.2.9"):
        assert text in inside
    assert inside.endswith("32\n")


def test_stopped_started_and_restarted_sandboxes_keep_their_addresses(host: Host) -> None:
    cnm(host, "network create web")
    cnm(host, "sandbox create --net web one")
    addresses = set()
    for verb in ("start", "stop", "start", "restart"):
        assert cnm(host, f"sandbox {verb} one") == "one\n"
        addresses.add(shown(host, "sandbox", "one")["Networks"]["web"]["IPAddress"])
    assert len(addresses) == 1
    show = "sandbox exec one ip -o link show marker"
    cnm(host, "sandbox exec one ip link add marker type bridge")
    cnm(host, "sandbox start one")
    assert "marker" in cnm(host, show)
    cnm(host, "sandbox restart one")
    assert host.run([*CNM, *show.split()]).returncode


def test_an_endpoint_keeps_its_addresses_from_sandbox_to_sandbox(host: Host) -> None:
    cnm(host, "network create --subnet 10.1.0.0/24 --subnet fd01::/64 n")
    addresses = "--ip 10.1.0.77 --ip6 fd01::77 --mac-address 02:00:00:00:00:07"
    made = cnm(host, f"endpoint create {addresses} --alias sql --gw-priority 7 -p 8080:80 n vip")
    assert re.fullmatch("[0-9a-f]{64}\n", made)
    assert "already exists on network n" in refused(host, "endpoint create n vip")
    assert "endpoint other not found on network n" in refused(host, "endpoint leave n other")
    tasks = Tasks(host)
    tasks.ensure("sandbox", {"name": "one"}, {"name": "two"})
    cnm(host, "endpoint join n vip one")
    cnm(host, "endpoint leave n vip")
    cnm(host, "endpoint join n vip two")
    assert "10.1.0.77/24" in cnm(host, "sandbox exec two ip address")
    vip = tasks.shown("endpoint")["vip"]
    assert (vip["Sandbox"], vip["Aliases"], vip["MacAddress"]) == ("two", ["sql"], "02:00:00:00:00:07")
    assert (vip["IPv6Address"], vip["GwPriority"], list(vip["Ports"])) == ("fd01::77/64", 7, ["80/tcp"])
    assert cnm(host, "endpoint rm n vip") == "vip\n"
    assert tasks.shown("endpoint") == {}


def test_it_says_which_run_is_at_work_and_how_far_it_is(host: Host) -> None:
    cnm(host, "network create n")
    assert cnm(host, "progress") == "No run is at work.\n"
    with held(FOLDER):
        assert re.fullmatch(rf"Process {os.getpid()} \('.*'\) has just begun\.\n", cnm(host, "progress"))
        note(FOLDER, "changes the host: 3 of 9")
        assert cnm(host, "progress").endswith("') changes the host: 3 of 9.\n")


def test_events_are_shown_as_they_happen(host: Host) -> None:
    tasks = Tasks(host)
    filters = ["--filter", "type=network", "--filter", "event=create", "--filter", "event=connect"]
    format_ = ["--format", "{{.Action}} {{json .Actor.Attributes}}"]
    with subprocess.Popen([*CNM, "events", *format_, *filters], stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        try:
            # What was there when it looked first is no event.
            numbers = itertools.count()
            while not select.select([watching.stdout], [], [], 0.5)[0]:
                tasks.network(f"early{next(numbers)}")
            tasks.network("n", "10.1.0.0/24")
            tasks.sandbox("web", "n")
            seen = [watching.stdout.readline().split(" ", 1)]
            while seen[-1][0] != "connect":
                seen.append(watching.stdout.readline().split(" ", 1))
        finally:
            watching.terminate()
    assert [(action, json.loads(attributes)) for action, attributes in seen[-2:]] == [
        ("create", {"name": "n", "type": "bridge"}),
        ("connect", {"name": "n", "sandbox": "web", "endpoint": "web"}),
    ]
