# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What roles decide before they change a host, in plays on the controller."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
ROLES = Path(__file__).resolve().parents[2] / "roles"
pytestmark = pytest.mark.skipif(not PLAYBOOK.exists(), reason="managed hosts need no ansible-playbook")


def play(folder: Path, tasks: list[dict[str, Any]], files: list[str], facts: bool = False, **more: Any) -> None:
    """Run TASKS with the variables in FILES, below the roles' folder, and MORE. Gather facts if FACTS.

    Programs in FOLDER come before those of the system.
    """
    path = folder / "play.json"
    hosts = {"hosts": "localhost", "connection": "local", "gather_facts": facts, "gather_subset": ["min"]}
    whole = {**hosts, "tasks": tasks}
    path.write_text(json.dumps([{**whole, "vars_files": [str(ROLES / file) for file in files]}]))
    done = subprocess.run(
        [
            PLAYBOOK,
            "--inventory",
            "localhost,",
            "--extra-vars",
            json.dumps({"ansible_python_interpreter": sys.executable, **more}),
            path,
        ],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


REFUSED = {
    "cnm_service_problems_of_unit": ("cnm_service_name", "nginx\n", "is not the name of a service"),
    "cnm_etcd_problems_of_variables[4]": ("cnm_etcd_prefix", "/cnm/\n", "does not begin and end with"),
    "cnm_etcd_problems_of_variables[5]": ("cnm_etcd_user", "cnm\n", "is not a name for a user"),
    "cnm_frr_problems_of_variables[4]": ("cnm_frr_password", "secret\n", "is longer than 80 characters, or has others"),
    "cnm_host_problems_of_variables[7]": ("cnm_host_metrics", "127.0.0.1:9469\n", "is neither a loopback address"),
    "cnm_docker_problems_of_host[2]": ("cnm_docker_version", "20.10.24\n", "is not a version"),
    "cnm_docker_problems_of_repository[0]": ("cnm_docker_repository_url", "https://a\nSigned-By: b", "is not a URL"),
    "cnm_docker_problems_of_repository[1]": ("cnm_docker_repository_suite", "bookworm\n", "is not a suite"),
    "cnm_docker_problems_of_repository[2]": ("cnm_docker_repository_components", ["a b"], "is not a single word"),
    "cnm_docker_problems_of_repository[3]": ("cnm_docker_key_checksum", f"sha256:{64 * '0'}\n", "is not sha256"),
    "cnm_docker_problems_of_repository[4]": ("cnm_docker_key_fingerprint", 40 * "0" + "\n", "is not 40"),
}
"""List of problems -> variable, wrong value, and part of the message."""


def test_line_ends_are_refused_and_percent_signs_are_written_twice(tmp_path: Path) -> None:
    tasks: list[dict[str, Any]] = [
        {"assert": {"that": f"{problem} | string is search('{said}')"}}
        for problem, (_name, _value, said) in REFUSED.items()
    ]
    for template in ("mount", "service.conf"):
        written = {"src": str(ROLES / f"service/templates/{template}.j2"), "dest": str(tmp_path / template)}
        tasks.append({"template": written})
    values = {name: value for name, value, _said in REFUSED.values()}
    sandbox = {"Name": "a", "State": "running", "SandboxKey": "/srv/50%n"}
    files = [
        f"{role}/{folder}/main.yml"
        for role in ("service", "docker", "etcd", "frr", "host")
        for folder in ("defaults", "vars")
    ]
    values.update(cnm_service_sandbox="a", cnm_service_found={"sandboxes": [sandbox]})
    # ansible-core before 2.19 evaluates the whole list of problems.
    values.update(cnm_docker_passwd={"results": []})
    values.update(cnm_host_found={"links": {}, "pool_problems": [], "present": []})
    play(tmp_path, tasks, files, facts=True, **values)
    assert "\nWhere=/srv/50%%n\n" in (tmp_path / "mount").read_text()
    assert "\nNetworkNamespacePath=/srv/50%%n\n" in (tmp_path / "service.conf").read_text()


UNSUPPORTED = (
    ("docker", "Ubuntu", "14.04", ["lxc-docker", "no longer supported"]),
    ("docker", "Ubuntu", "18.04", ["This host is Ubuntu 18.04", "Debian 11 to 13"]),
    ("docker", "Kali GNU/Linux", "2024.1", ["This host is Kali", "Debian 11 to 13"]),
    ("host", "Ubuntu", "20.04", ["This host is Ubuntu 20.04", "Python is older than 3.9"]),
    ("host", "Kali GNU/Linux", "2024.1", ["This host is Kali GNU/Linux 2024.1", "Debian 12 to 13"]),
)
"""Role, distribution and version, and what the message says."""


def test_unsupported_distributions_are_refused(tmp_path: Path) -> None:
    tasks: list[dict[str, Any]] = []
    for role, name, version, said in UNSUPPORTED:
        facts = {"distribution": name, "distribution_version": version, "cacheable": True}
        facts["distribution_major_version"] = version.partition(".")[0]
        problems = f"cnm_{role}_problems_of_host | join"
        tasks += [{"set_fact": facts}, {"assert": {"that": [f"{problems} is search('{each}')" for each in said]}}]
    files = [f"{role}/{folder}/main.yml" for role in ("docker", "host") for folder in ("defaults", "vars")]
    play(tmp_path, tasks, files, facts=True, cnm_docker_passwd={"results": []})


def _gpg(home: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    command = ["gpg", "--homedir", str(home), "--no-options", "--batch", "--quiet", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


def _as_apt_reads(text: str) -> bytes:
    """Return the keys that apt sees in TEXT: it accepts blocks of any name (dearmor_keyring() in apt 2.6's apt-key)."""
    key, inside = "", 0
    for line in text.splitlines():
        if line.startswith("-----BEGIN"):
            inside = 1
        elif not line and inside == 1:
            inside = 2
        elif line.startswith("-----END"):
            inside = 0
        elif re.match("[^=-]", line) and inside == 2:
            key += line
    return base64.b64decode(key)


@pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is needed: apt install gpg")
def test_a_key_that_was_smuggled_in_is_not_written(tmp_path: Path) -> None:
    """apt trusts keys in blocks whose name gpg does not know, so nobody would have compared their fingerprints."""
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    texts, prints = [], []
    for name in ("genuine", "smuggled"):
        # Use a key whose base64 text needs no padding. Padding would end the text in the middle.
        for length in range(3):
            user = f"{name}{length * 'x'}"
            _gpg(home, "--passphrase", "", "--quick-generate-key", user, "ed25519", "sign", "never")
            raw = _gpg(home, "--export", user)
            if len(raw) % 3 == 0:
                break
        shown = _gpg(home, "--with-colons", "--list-keys", user).decode()
        prints.append(next(line.split(":")[9] for line in shown.splitlines() if line.startswith("fpr:")))
        texts.append(_gpg(home, "--armor", "--export", user).decode())
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    planted = re.sub(r"\n=.{4}\n", "\n", texts[1]).replace("PUBLIC KEY BLOCK", "SOMETHING") + texts[0]
    shown = _gpg(home, "--with-colons", "--show-keys", stdin=_as_apt_reads(planted)).decode()
    assert prints[1] in shown, "apt would trust it"
    key, result = tmp_path / "docker.asc", tmp_path / "result"
    key.write_text(planted)
    include: dict[str, Any] = {"include_role": {"name": str(ROLES / "docker"), "tasks_from": "key"}}
    copy = {"copy": {"content": "{{ cnm_docker_key_wanted }}", "dest": str(result)}}
    more = {"cnm_docker_installed": {"gpg": "1"}, "cnm_docker_key_file": str(key)}
    play(tmp_path, [include, copy], [], cnm_docker_key_fingerprint=prints[0], **more)
    shown = _gpg(home, "--with-colons", "--show-keys", stdin=_as_apt_reads(result.read_text())).decode()
    assert prints[0] in shown and prints[1] not in shown


def test_links_for_engines_come_and_go_and_those_of_others_are_refused(tmp_path: Path) -> None:
    places = {name: tmp_path / name / "bin" / "cnm" for name in ("cni", "netavark")}
    programs = {name: tmp_path / f"cnm-{name}" for name in places}
    plugins = {
        name: {"link": str(place), "program": str(programs[name]), "folders": list(map(str, list(place.parents)[:2]))}
        for name, place in places.items()
    }
    for program in programs.values():
        program.touch()
    places["netavark"].parent.mkdir(parents=True)
    places["netavark"].write_text("somebody's")
    folders = [folder for plugin in plugins.values() for folder in plugin["folders"]]
    asked = {"links": list(map(str, places.values())), "directories": folders}

    def included(tasks: str, **variables: Any) -> dict[str, Any]:
        return {"include_role": {"name": str(ROLES / "host"), "tasks_from": tasks}, "vars": variables}

    problem = {"assert": {"that": "cnm_host_problems_of_variables[3] | trim is search(said)"}}
    read = {"command": {"argv": ["readlink", str(places["cni"])]}, "register": "shown"}
    tasks: list[dict[str, Any]] = [
        included("probe", cnm_host_asked=asked),
        {**problem, "vars": {"cnm_host_engines": list(places), "said": "netavark/bin/cnm. exists and is not a link"}},
        {**problem, "vars": {"cnm_host_engines": ["cni"], "said": "^$"}},
        {"set_fact": {"cnm_host_state": {}}},
        included("engine_links", cnm_host_engines=["cni"]),
        read,
        {"assert": {"that": f"shown.stdout == '{programs['cni']}'"}},
        included("probe", cnm_host_asked=asked),
        included("engine_links", cnm_host_engines=[]),
    ]
    files = ["host/defaults/main.yml", "host/vars/main.yml"]
    play(tmp_path, tasks, files, cnm_host_plugins=plugins, cnm_host_state_folder=str(tmp_path / "state"))
    assert not places["cni"].is_symlink() and places["netavark"].read_text() == "somebody's"
    state = json.loads((tmp_path / "state" / "state.json").read_text())
    assert state["directories"] == [str(tmp_path / "cni" / "bin"), str(tmp_path / "cni")]


def test_a_warning_of_sudo_is_not_taken_for_the_state_of_the_host(tmp_path: Path) -> None:
    programs = {
        "ssh": 'for last; do :; done\nexec /bin/sh -c "$last"\n',
        # Over ssh, both of its outputs are the same terminal.
        "sudo": "echo 'sudo: unable to resolve host nowhere: Name or service not known'\n"
        'until [ "$1" = /bin/sh ]; do shift; done\nexec "$@"\n',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}")
        (tmp_path / name).chmod(0o755)
    connection = {"connection": "ssh", "ssh_executable": str(tmp_path / "ssh"), "ssh_transfer_method": "piped"}
    become = {"user": "nobody", "become": True, "become_exe": str(tmp_path / "sudo")}
    variables = {f"ansible_{name}": value for name, value in {**connection, **become}.items()}
    probe = {"include_role": {"name": str(ROLES / "host"), "tasks_from": "probe"}}
    tasks = [probe, {"assert": {"that": "cnm_host_found.modules[0].name == 'bridge'"}}]
    play(tmp_path, tasks, [], cnm_host_asked={"modules": ["bridge"]}, **variables)


@pytest.mark.parametrize(
    ("variables", "units"),
    [
        ({}, []),
        ({"engines": ["cni"]}, ["cnm-engines.socket", "cnm-engines.service"]),
        ({"engines": ["docker", "cni"]}, ["cnm-docker.socket", "cnm-engines.socket", "cnm-engines.service"]),
        ({"metrics": "[::1]:9469"}, ["cnm-engines.socket", "cnm-metrics.socket", "cnm-engines.service"]),
    ],
)
def test_engines_and_metrics_have_the_units_that_they_need(
    tmp_path: Path, variables: dict[str, Any], units: list[str]
) -> None:
    task = {"assert": {"that": f"cnm_host_engine_units_needed == {units!r}"}}
    values = {f"cnm_host_{name}": value for name, value in variables.items()}
    play(tmp_path, [task], ["host/defaults/main.yml", "host/vars/main.yml"], **values)


@pytest.mark.parametrize(
    ("networks", "installed", "missing"),
    [
        ([{"name": "lan", "ipam_driver": "dhcp"}, {"name": "app"}], [], True),
        ([{"name": "lan", "ipam_driver": "dhcp"}], ["busybox-static"], False),
        ([{"name": "lan", "ipam_driver": "dhcp"}], ["busybox"], False),
        ([{"name": "app"}], [], False),
        ("{{ found_out_later }}", [], False),
        (None, [], False),
    ],
)
def test_a_dhcp_client_is_installed_for_networks_that_need_one(
    tmp_path: Path, networks: Any, installed: list[str], missing: bool
) -> None:
    task = {"assert": {"that": f"('busybox' in cnm_host_missing) == {missing}"}}
    values = {"cnm_networks": networks} if networks is not None else {}
    facts = {"cnm_host_release": {"aardvark_dns": True}, "cnm_host_found": {"installed": installed}}
    play(tmp_path, [task], ["host/defaults/main.yml", "host/vars/main.yml"], **values, **facts)


def test_a_setting_that_is_no_longer_wanted_has_its_earlier_value_again(tmp_path: Path) -> None:
    program, file, state = tmp_path / "sysctl", tmp_path / "60-cnm.conf", tmp_path / "state"
    program.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\n')
    program.chmod(0o755)
    file.write_text("kernel.ostype = Plan9\n")
    hostname = Path("/proc/sys/kernel/hostname").read_text().strip()
    remembered = {"sysctls": {"kernel.ostype": "Plan9", "kernel.hostname": "other"}, "pools": ""}
    settings = {"include_role": {"name": str(ROLES / "host"), "tasks_from": "sysctls"}}
    wanted = {"cnm_host_sysctls": {"kernel.hostname": hostname}, "cnm_host_sysctl_file": str(file)}
    tasks = [{"set_fact": {"cnm_host_state": remembered}}, settings]
    play(tmp_path, tasks, [], cnm_host_state_folder=str(state), **wanted)
    assert (tmp_path / "calls").read_text() == "--quiet --write kernel.ostype=Plan9\n"
    assert "ostype" not in file.read_text() and f"kernel.hostname = {hostname}\n" in file.read_text()
    kept = {"sysctls": {"kernel.hostname": "other"}, "pools": ""}
    assert json.loads((state / "state.json").read_text()) == kept


ADDRESSES = {"localhost": "192.0.2.1", "b": "192.0.2.2", "c": "192.0.2.3"}
FRR = {
    "cnm_frr_addresses": ADDRESSES,
    "cnm_frr_hosts": list(ADDRESSES),
    "cnm_frr_password": "secret",
    "cnm_frr_files": "/nowhere",
    "cnm_frr_split": {"results": []},
}
FRR_FILES = ["frr/defaults/main.yml", "frr/vars/main.yml"]


def _slurped(*texts: str) -> dict[str, Any]:
    return {"results": [{"content": base64.b64encode(text.encode()).decode()} for text in texts]}


NEIGHBOURS: dict[str, tuple[list[str], str, str]] = {
    "mesh": ([], "23", ""),
    "only reflector": (["localhost"], "", "23"),
    "reflector": (["localhost", "b"], "2", "3"),
    "client of two": (["b", "c"], "23", ""),
    "client": (["c"], "3", ""),
}
"""Case -> reflectors, and the last digits of the neighbours that are equals and clients."""


def test_frr_has_its_neighbours(tmp_path: Path) -> None:
    source = str(ROLES / "frr/templates/frr.conf.j2")
    tasks: list[dict[str, Any]] = [
        {"template": {"src": source, "dest": str(tmp_path / case)}, "vars": {"cnm_frr_reflectors": reflectors}}
        for case, (reflectors, _equals, _clients) in NEIGHBOURS.items()
    ]
    play(tmp_path, tasks, FRR_FILES, cnm_frr_slurped=_slurped("", "", ""), **FRR)
    for case, (_reflectors, equals, clients) in NEIGHBOURS.items():
        text = (tmp_path / case).read_text()
        neighbours = re.findall(r"^ neighbor 192\.0\.2\.(\d) peer-group (\S+)$", text, re.MULTILINE)
        assert neighbours == [(each, "cnm") for each in equals] + [(each, "cnm-clients") for each in clients], case
        assert ("neighbor cnm-clients route-reflector-client" in text) == bool(clients)
        assert ("neighbor cnm activate" in text) == bool(equals)
        assert " bgp router-id 192.0.2.1\n" in text, "FRR would choose a gateway, which is the same on all hosts"
        assert text.count(" password secret\n") == bool(equals) + bool(clients)
        if shutil.which("vtysh"):
            done = subprocess.run(["vtysh", "-C", "-f", tmp_path / case], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr


PACKAGED = "# default to using syslog.\nlog syslog informational\n"
OWN = "frr defaults traditional\n!\nrouter bgp 65001\n neighbor 203.0.113.1 remote-as 65002\n"


FOUND: list[tuple[str, str, bool, list[str]]] = [
    ("", "", False, []),
    (PACKAGED, "bgpd=no\n", False, []),
    ("! Written by the role cnm.linux.frr.\nrouter bgp 65000\n", "bgpd=yes\n", False, []),
    (OWN.replace("65001", "65000"), "bgpd=yes\nbfdd=yes\n", True, []),
    (OWN, "bgpd=yes\nbfdd=no\n", True, ["has 'router bgp 65001', and cnm_frr_asn is 65000", "'bfdd' is not"]),
    ("router ospf\n", "bgpd=no\nbfdd=yes\n", True, ["'bgpd' is not switched on"]),
]
"""What the files of FRR have, whether it is somebody else's, and what is wrong then."""


def test_an_frr_of_somebody_else_is_told_from_ours(tmp_path: Path) -> None:
    said = "cnm_frr_problems_of_theirs | map('trim') | reject('equalto', '') | list"
    tasks: list[dict[str, Any]] = []
    for text, daemons, theirs, problems in FOUND:
        checks = [f"cnm_frr_is_theirs == {theirs}"]
        if theirs:
            checks.append(f"({said}) | length == {len(problems)}")
            checks += [f'({said})[{number}] is search("{each}")' for number, each in enumerate(problems)]
        tasks.append({"assert": {"that": checks}, "vars": {"cnm_frr_slurped": _slurped(text, daemons, "")}})
    play(tmp_path, tasks, FRR_FILES, cnm_frr_reflectors=[], **FRR)


def test_what_is_added_to_an_frr_of_somebody_else(tmp_path: Path) -> None:
    members = "".join(f" neighbor {each} peer-group cnm\n" for each in ("192.0.2.2", "192.0.2.9"))
    before = f"router bgp 65000\n neighbor cnm peer-group\n{members}"
    task = {"template": {"src": str(ROLES / "frr/templates/cnm.conf.j2"), "dest": str(tmp_path / "cnm.conf")}}
    additions = ["no neighbor cnm peer-group", "address-family l2vpn evpn", "no advertise-all-vni"]
    check = {"assert": {"that": ["cnm_frr_left == ['192.0.2.9']", f"cnm_frr_additions == {additions}"]}}
    own = OWN.replace("router bgp 65001", "router bgp 65000\n bgp router-id 203.0.113.7")
    play(tmp_path, [task, check], FRR_FILES, cnm_frr_slurped=_slurped(own, "", before), cnm_frr_reflectors=["b"], **FRR)
    text = (tmp_path / "cnm.conf").read_text()
    assert "router-id" not in text and "hostname" not in text and "log " not in text
    assert " neighbor 192.0.2.2 peer-group cnm\n" in text
