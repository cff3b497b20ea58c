# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command cnm, run as a process on the stand-in for a host."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller

TOP = Path(__file__).resolve().parents[3]
CNM = [sys.executable, str(TOP / "command" / "cnm.py")]


@pytest.fixture()
def built(host: Host) -> Host:
    """A host with two networks and some sandboxes."""
    core = Controller(host.kernel, lambda _sentence: None)
    core.ensure("network", [{"name": "web"}, {"name": "myapp", "labels": {"tier": "data"}}, {"name": "spare"}])
    host.ip("netns add legacy")
    on_myapp = [{"name": "myapp"}]
    core.ensure(
        "sandbox",
        [
            {"name": "web", "networks": [{"name": "web"}, *on_myapp], "published_ports": ["8080:80"]},
            {"name": "old", "netns": "/run/netns/legacy", "networks": on_myapp},
            {"name": "native", "networks": [{"name": "host"}]},
            {"name": "idle", "state": "stopped", "networks": on_myapp},
        ],
    )
    return host


def lines(host: Host, *arguments: str) -> List[List[str]]:
    return [re.split(r" {3,}", line) for line in host.out([*CNM, *arguments]).splitlines()]


def names(host: Host, *arguments: str) -> List[str]:
    return [line[1] for line in lines(host, *arguments)[1:]]


def states(host: Host) -> Dict[str, str]:
    return {line[1]: line[2] for line in lines(host, "sandbox", "ls")[1:]}


def shown(host: Host, *arguments: str) -> List[Dict[str, Any]]:
    objects = json.loads(host.out([*CNM, *arguments]))
    assert isinstance(objects, list)
    return objects


def test_a_host_without_a_store_has_the_predefined_networks_and_stays_as_it_is(host: Host) -> None:
    assert names(host, "network", "ls") == ["bridge", "host", "none"]
    assert os.listdir("/var/lib/cnm") == []


def test_networks_are_listed_as_docker_lists_them(built: Host) -> None:
    listed = built.out([*CNM, "network", "ls"]).splitlines()
    assert listed[0] == "NETWORK ID     NAME      DRIVER    SCOPE"
    assert [re.sub("^[0-9a-f]{12}", "x" * 12, line) for line in listed[1:]] == [
        "xxxxxxxxxxxx   bridge    bridge    local",
        "xxxxxxxxxxxx   host      host      local",
        "xxxxxxxxxxxx   myapp     bridge    local",
        "xxxxxxxxxxxx   none      null      local",
        "xxxxxxxxxxxx   spare     bridge    local",
        "xxxxxxxxxxxx   web       bridge    local",
    ]


def test_ids_are_whole_if_asked_for_and_alone_if_asked_for(built: Host) -> None:
    whole = built.out([*CNM, "network", "ls", "-q", "--no-trunc"]).split()
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in whole)
    assert built.out([*CNM, "network", "ls", "--quiet"]).split() == [each[:12] for each in whole]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["driver=null"], ["none"]),
        (["driver=null", "driver=host"], ["host", "none"]),
        (["label=tier"], ["myapp"]),
        (["label=tier=data", "label=other"], []),
        (["label!=tier=data", "type=custom"], ["spare", "web"]),
        (["name=^my|pare"], ["myapp", "spare"]),
        (["type=builtin"], ["bridge", "host", "none"]),
        (["dangling=true"], ["spare"]),
        (["scope=local", "type=custom"], ["myapp", "spare", "web"]),
        (["dangling=0", "type=custom"], ["myapp", "web"]),
    ],
)
def test_filters_choose_networks_as_docker_s_do(built: Host, filters: List[str], expected: List[str]) -> None:
    options = [word for each in filters for word in ("--filter", each)]
    assert names(built, "network", "ls", *options) == expected


@pytest.mark.parametrize("wrong", ["bogus=1", "driver", "dangling=maybe", "type=odd", "name=("])
def test_a_filter_that_makes_no_sense_is_refused_in_one_line(host: Host, wrong: str) -> None:
    done = host.run([*CNM, "network", "ls", "--filter", wrong])
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"cnm: invalid .*\n", done.stderr)


def test_json_lists_an_object_a_line_with_texts_as_docker_does(built: Host) -> None:
    (myapp,) = built.out([*CNM, "network", "ls", "--filter", "name=myapp", "--format", "json"]).splitlines()
    network = json.loads(myapp)
    assert {key: network[key] for key in ("Name", "Driver", "Scope", "Internal", "Labels")} == {
        "Name": "myapp",
        "Driver": "bridge",
        "Scope": "local",
        "Internal": "false",
        "Labels": "tier=data",
    }


def test_templates_choose_what_is_printed(built: Host) -> None:
    only = ["network", "ls", "--filter", "name=myapp", "--format"]
    assert built.out([*CNM, *only, "{{.Name}}: {{.Driver}} {{.Labels}}"]) == "myapp: bridge tier=data\n"
    heading, line = built.out([*CNM, *only, r"table {{.ID}}\t{{.Name}}"]).splitlines()
    assert (heading, line[12:]) == ("NETWORK ID     NAME", "   myapp")
    addresses = "{{range .Containers}}{{.Name}} {{end}}{{json .Labels}}"
    assert built.out([*CNM, "network", "inspect", "-f", addresses, "myapp"]) == 'old web {"tier":"data"}\n'
    done = built.run([*CNM, "network", "inspect", "-f", "{{.Nme}}", "myapp"])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("cnm: template: there is no field '.Nme'. There are: .Name, ")


def test_sandboxes_and_endpoints_are_listed_with_what_they_are_on(built: Host) -> None:
    assert [line[1:] for line in lines(built, "sandbox", "ls")] == [
        ["NAME", "STATE", "NETWORKS", "PORTS"],
        ["idle", "stopped", "myapp", ""],
        ["native", "running", "host", ""],
        ["old", "running", "myapp", ""],
        ["web", "running", "myapp, web", "0.0.0.0:8080->80/tcp"],
    ]
    assert ["web", "myapp", "web", "172.19.0.2/16", "0.0.0.0:8080->80/tcp"] in [
        line[1:] for line in lines(built, "endpoint", "ls")
    ]


def test_a_line_of_a_list_is_not_longer_than_that_of_the_terminal(built: Host) -> None:
    command = " ".join([*CNM, "endpoint", "ls"])
    typed = built.out(["script", "--quiet", "--command", f"stty columns 80; {command}", "/dev/null"])
    assert "0.0.0.0:8080->80/t…" in typed
    assert max(map(len, typed.splitlines())) <= 80
    assert "…" not in built.out(
        ["script", "--quiet", "--command", f"stty columns 80; {command} --no-trunc", "/dev/null"]
    )


def test_inspect_takes_names_ids_and_the_beginnings_of_ids(built: Host) -> None:
    (myapp,) = shown(built, "network", "inspect", "myapp")
    assert [each["Name"] for each in myapp["Containers"].values()] == ["old", "web"]
    assert shown(built, "network", "inspect", myapp["Id"], myapp["Id"][:12], "web")[0] == myapp
    assert {each["Network"] for each in shown(built, "endpoint", "inspect", "web")} == {"myapp", "web"}
    assert [each["Network"] for each in shown(built, "endpoint", "inspect", "web.web")] == ["web"]


def test_inspect_shows_what_there_is_and_complains_about_the_rest(built: Host) -> None:
    done = built.run([*CNM, "network", "inspect", "nowhere", "web", "neither"])
    assert done.returncode == 1
    assert [each["Name"] for each in json.loads(done.stdout)] == ["web"]
    assert done.stderr == "network nowhere not found\nnetwork neither not found\n"
    done = built.run([*CNM, "network", "inspect", "nowhere"])
    assert (done.returncode, done.stdout) == (1, "[]\n")


def test_a_program_in_a_sandbox_has_its_network_and_its_names(built: Host) -> None:
    before = Path("/etc/hosts").read_bytes()
    inside = [*CNM, "sandbox", "exec", "web"]
    assert "172.18.0.2/16" in built.out([*inside, "ip", "-brief", "address"])
    assert "uplink" not in built.out([*inside, "ip", "-brief", "link"])
    old = built.out([*inside, "getent", "hosts", "old"]).split()
    assert old[0].startswith("172.19.0.") and old[1] == "old"
    assert built.out([*inside, "cat", "/etc/resolv.conf"]) == Path("/etc/netns/web/resolv.conf").read_text()
    assert Path("/etc/hosts").read_bytes() == before
    assert "/etc/hosts" not in Path("/proc/self/mounts").read_text()


def test_a_program_in_a_sandbox_sees_the_host_s_sys(built: Host) -> None:
    ours = os.stat("/sys").st_dev
    assert int(built.out([*CNM, "sandbox", "exec", "web", "stat", "--format=%d", "/sys"])) == ours


def test_an_adopted_namespace_and_the_host_s_network_can_be_entered(built: Host) -> None:
    assert "172.19.0." in built.out([*CNM, "sandbox", "exec", "old", "ip", "-brief", "address"])
    assert built.out([*CNM, "sandbox", "exec", "old", "getent", "hosts", "web"])
    assert "uplink" in built.out([*CNM, "sandbox", "exec", "native", "ip", "-brief", "link"])


def test_the_program_gets_its_arguments_as_they_are_and_gives_its_status(built: Host) -> None:
    inside = [*CNM, "sandbox", "exec", "web"]
    assert built.out([*inside, "printf", "%s|", "a b", "", "-q", "$HOME", "--", "'"]) == "a b||-q|$HOME|--|'|"
    assert built.run([*inside, "sh", "-c", "exit 7"]).returncode == 7
    assert built.run([*inside, "--", "sh", "-c", "exit 8"]).returncode == 8
    missing = built.run([*inside, "no-such-program"])
    assert (missing.returncode, missing.stderr) == (127, "cnm: the program 'no-such-program' was not found.\n")
    unable = built.run([*inside, "/etc/hosts"])
    assert (unable.returncode, unable.stderr) == (
        126,
        "cnm: the program '/etc/hosts' cannot be run: Permission denied.\n",
    )
    assert built.run([*inside, "cat"], stdin="text").stdout == "text"


def test_a_signal_reaches_the_program(built: Host) -> None:
    with subprocess.Popen([*CNM, "sandbox", "exec", "web", "sleep", "60"]) as running:
        deadline = time.monotonic() + 60
        while Path(f"/proc/{running.pid}/comm").read_text() != "sleep\n":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == -signal.SIGTERM


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("idle", "sandbox idle is stopped."), ("nobody", "sandbox nobody not found"), ("", "sandbox  not found")],
)
def test_no_program_can_be_where_there_is_no_network(built: Host, name: str, complaint: str) -> None:
    done = built.run([*CNM, "sandbox", "exec", name, "true"])
    assert done.returncode == 125
    assert done.stderr.startswith(f"cnm: {complaint}") and done.stderr.count("\n") == 1


def test_restore_makes_again_what_the_kernel_has_forgotten(built: Host) -> None:
    (web,) = shown(built, "network", "inspect", "web")
    built.ip(f"netns delete web\nlink delete {web['Host']['Device']}")
    built.out(["nft", "flush", "ruleset"])
    assert states(built) == {"web": "lost", "old": "running", "native": "running", "idle": "stopped"}
    lost = built.run([*CNM, "sandbox", "exec", "web", "true"])
    assert lost.returncode == 125 and "cnm restore" in lost.stderr
    done = built.out([*CNM, "restore"]).splitlines()
    assert "+ network namespace '/run/netns/web'" in done
    assert "+ nft table 'inet cnm'" in done
    assert states(built)["web"] == "running"
    assert built.out([*CNM, "sandbox", "exec", "web", "getent", "hosts", "old"])
    assert built.out([*CNM, "restore"]) == "Everything was there.\n"


def test_a_sandbox_is_lost_whose_namespace_is_gone_or_somebody_elses(built: Host) -> None:
    built.ip("netns delete legacy\nnetns delete web\nnetns add web")
    assert states(built) == {"web": "lost", "old": "lost", "native": "running", "idle": "stopped"}
    assert [each["State"] for each in shown(built, "sandbox", "inspect", "web", "old")] == ["lost", "lost"]


def test_a_reader_that_goes_away_is_no_reason_to_complain(built: Host) -> None:
    command = " ".join(CNM)
    assert built.run(["sh", "-c", f"{command} network ls | true"]).stderr == ""


def test_without_root_it_says_so(host: Host) -> None:
    done = host.run(["unshare", "--user", *CNM, "network", "ls"])
    assert done.returncode == 1
    assert "root" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("wrong", "status"),
    [(["network", "make"], 1), (["network", "inspect"], 1), (["network", "ls", "--all"], 125)],
)
def test_a_command_line_that_makes_no_sense_has_docker_s_exit_status(host: Host, wrong: List[str], status: int) -> None:
    done = host.run([*CNM, *wrong])
    assert done.returncode == status
    assert done.stderr.startswith("usage: cnm")


def test_without_a_program_to_run_it_asks_for_that_alone(host: Host) -> None:
    done = host.run([*CNM, "sandbox", "exec", "web"])
    assert done.stderr.splitlines()[-1].endswith("the following arguments are required: COMMAND")


def test_it_has_the_version_of_the_collection(host: Host) -> None:
    version = re.search(r"^version: (\S+)$", (TOP / "galaxy.yml").read_text(), re.MULTILINE)
    assert version and host.out([*CNM, "--version"]) == f"cnm {version[1]}\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["network", "i"], "inspect"),
        (["network", "inspect", "w"], "web"),
        (["sandbox", "exec", ""], "idle native old web"),
        (["endpoint", "ls", "--fo"], "--format"),
        (["c"], "check"),
        (["check", "--format", "j"], "json"),
        (["graph", "--format", "h"], "html"),
        (["network", "c"], "create connect"),
        (["network", "create", "--driver", "m"], "macvlan"),
        (["network", "connect", "my"], "myapp"),
        (["sandbox", "create", "--network", "sp"], "spare"),
        (["sandbox", "rm", "--f"], "--force"),
        (["network", "disconnect", "--f"], "--force"),
        (["network", "inspect", "--f"], "--format"),
        (["sandbox", "restart", "w"], "web"),
    ],
)
def test_the_shell_completes_verbs_and_names(built: Host, words: List[str], expected: str) -> None:
    script = (
        f'cnm() {{ {" ".join(CNM)} "$@"; }}; source {TOP}/command/completion/cnm.bash; '
        'COMP_WORDS=(cnm "$@"); COMP_CWORD=$#; _cnm; echo "${COMPREPLY[*]}"'
    )
    assert built.out(["bash", "-c", script, "bash", *words]) == f"{expected}\n"
