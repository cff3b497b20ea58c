# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``cnm check`` on hosts that lack something."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from needed import BUSYBOX, needs
from stand_in import Host

TOP = Path(__file__).resolve().parents[3]
NAME_SERVER = "/usr/lib/podman"
CNM = [sys.executable, str(TOP / "command" / "cnm.py")]


def checked(host: Host) -> Tuple[int, Dict[str, Dict[str, Any]]]:
    done = host.run([*CNM, "check", "--format", "json"])
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert answer["usable"] is (done.returncode == 0)
    return done.returncode, {finding["name"]: finding for finding in answer["findings"]}


def missing(findings: Dict[str, Dict[str, Any]], state: str = "missing") -> List[str]:
    return [name for name, finding in findings.items() if finding["state"] == state]


def hide(host: Host, program: str) -> None:
    """Replace PROGRAM with a file that cannot be executed."""
    path = shutil.which(program)
    assert path
    Path("/run/hidden").touch(mode=0o644)
    host.out(["mount", "--bind", "/run/hidden", os.path.realpath(path)])


def replace(host: Host, program: str, prints: str) -> None:
    """Replace PROGRAM with a script that PRINTS something."""
    path = shutil.which(program)
    assert path
    script = Path(f"/run/instead-of-{program}")
    script.write_text(f"#!/bin/sh\necho '{prints}'\n")
    script.chmod(0o755)
    host.out(["mount", "--bind", str(script), os.path.realpath(path)])


def test_a_host_with_everything_that_is_required_is_usable_and_stays_as_it_is(host: Host) -> None:
    looks = "ip -oneline link | cut -d: -f2; nft list ruleset; ls -R /run /etc/netns /var/lib/cnm; sysctl net.ipv4"
    inventory = ["sh", "-c", looks]
    before = host.run(inventory).stdout
    code, findings = checked(host)
    assert (code, missing(findings)) == (0, [])
    assert {"kernel", "python", "pyroute2", "nft", "bridge", "veth", "vxlan", "conntrack"} <= set(findings)
    assert all(bool(finding["advice"]) is (finding["state"] != "ok") for finding in findings.values())
    assert host.run(inventory).stdout == before


@pytest.mark.machine
def test_a_link_of_one_kind_is_not_in_the_way_of_another(host: Host) -> None:
    _code, findings = checked(host)
    unavailable = missing(findings, "optional")
    if "8021q" in unavailable:
        pytest.skip("this kernel has no 8021q, and no ipvlan either")
    assert {"vxlan", "macvlan", "ipvlan"}.isdisjoint(unavailable)


def test_people_read_a_table_and_what_to_do(host: Host) -> None:
    hide(host, "nft")
    done = host.run([*CNM, "check"])
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["NAME", "STATE", "FOUND"]
    assert any(line.split() == ["nft", "missing", "not", "installed"] for line in lines)
    assert any(line.startswith("  nft: ") and "apt install nftables" in line for line in lines)
    assert "Networks work on this host." not in done.stdout


@needs("busybox-static", BUSYBOX)
def test_without_busybox_it_says_what_does_not_work(host: Host) -> None:
    assert checked(host)[1]["udhcpc"]["found"].startswith("BusyBox 1.")
    replace(host, "busybox", "")
    assert checked(host)[1]["udhcpc"]["found"] == "BusyBox"
    hide(host, "busybox")
    finding = checked(host)[1]["udhcpc"]
    assert (finding["state"], finding["found"]) == ("optional", "not installed")
    assert "apt install busybox" in finding["advice"]


def test_without_nft_all_the_rest_is_told_nevertheless(host: Host) -> None:
    hide(host, "nft")
    code, findings = checked(host)
    assert code == 1
    assert missing(findings) == ["nft", "permission", "nft-rules"]
    assert findings["bridge"]["state"] == findings["conntrack"]["state"] == "ok"


@pytest.mark.parametrize(
    ("prints", "shown"),
    [
        ("nftables v0.9.8 (E.D.S.)\n  json: yes", "0.9.8, older than 1.0.2"),
        ("nftables v1.0.6 (Lester Gooch #5)\n  json: no", "1.0.6, built without JSON"),
        ("something else", "unknown, older than 1.0.2"),
    ],
)
def test_an_nft_that_will_not_do_is_named(host: Host, prints: str, shown: str) -> None:
    replace(host, "nft", prints)
    code, findings = checked(host)
    assert code == 1
    assert (findings["nft"]["state"], findings["nft"]["found"]) == ("missing", shown)


@pytest.mark.skipif(not os.path.isdir(NAME_SERVER), reason=f"{NAME_SERVER} is needed: apt install aardvark-dns")
@pytest.mark.parametrize(
    ("prints", "shown"),
    [
        ('{\n  "version": "1.4.0",\n  "commit": "",\n  "target": "x86_64-unknown-linux-gnu"\n}', "1.4.0"),
        ('{"version": "1.16.0-dev"}', "1.16.0-dev"),
        ("aardvark-dns 1.4.0", "1.4.0"),
        ("[]", f"{NAME_SERVER}/aardvark-dns"),
        ("", f"{NAME_SERVER}/aardvark-dns"),
    ],
)
def test_the_version_of_the_name_server_is_shown(host: Host, prints: str, shown: str) -> None:
    # The folder is private to the test: see Host.
    program = Path(NAME_SERVER, "aardvark-dns")
    program.write_text(f"#!/bin/sh\n[ $1 = version ] || exit 1\ncat <<'END'\n{prints}\nEND\n")
    program.chmod(0o755)
    _code, findings = checked(host)
    assert (findings["aardvark-dns"]["state"], findings["aardvark-dns"]["found"]) == ("ok", shown)


def test_a_python_without_pyroute2_is_named(host: Host) -> None:
    host.out([sys.executable, "-m", "venv", "--without-pip", "/run/bare"])
    bare = ["/run/bare/bin/python", CNM[1]]
    done = host.run([*bare, "check", "--format", "json"])
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert (done.returncode, missing(findings)) == (1, ["pyroute2"])
    lacking = "The Python library pyroute2 is missing for the interpreter '/run/bare/bin/python'. "
    assert findings["pyroute2"]["advice"] == f"{lacking}Install it: /run/bare/bin/python -m pip install pyroute2."
    for action in ("network ls", "restore"):
        done = host.run([*bare, *action.split()])
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"cnm: {findings['pyroute2']['advice']}\n"


def test_without_ip_it_says_so(host: Host) -> None:
    hide(host, "ip")
    code, findings = checked(host)
    assert code == 1
    assert missing(findings) == ["ip", "bridge", "veth"]
    assert "apt install iproute2" in findings["ip"]["advice"]


def test_a_kernel_without_vxlan_can_be_lived_with(host: Host) -> None:
    ip = os.path.realpath(str(shutil.which("ip")))
    # Not in /run, because the check hides that folder.
    real, instead = Path("/var/lib/cnm/real-ip"), Path("/var/lib/cnm/ip")
    shutil.copy(ip, real)
    refusing = 'case "$*" in *vxlan*) echo "Error: Unknown device type." >&2; exit 2;; esac'
    instead.write_text(f'#!/bin/sh\n{refusing}\nexec {real} "$@"\n')
    instead.chmod(0o755)
    host.out(["mount", "--bind", str(instead), ip])
    code, findings = checked(host)
    assert code == 0
    assert findings["vxlan"]["state"] == "optional"
    assert findings["vxlan"]["found"] == "Error: Unknown device type"
    assert "modprobe vxlan" in findings["vxlan"]["advice"]


def test_no_ipv6_and_no_hosts_file_are_told_and_can_be_lived_with(host: Host) -> None:
    Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
    own = "mount -t tmpfs tmpfs /mnt && cp -a /etc/. /mnt && rm /mnt/hosts && mount --move /mnt /etc"
    host.out(["sh", "-c", own])
    code, findings = checked(host)
    assert code == 0
    assert "ipv6" in missing(findings, "optional")
    assert "enable_ipv6" in findings["ipv6"]["advice"]
    assert "hosts-file" in missing(findings, "optional")
    assert "/etc/hosts" in findings["hosts-file"]["advice"]


def test_settings_that_cannot_be_written_are_required(host: Host) -> None:
    host.out(["mount", "--bind", "/proc/sys", "/proc/sys"])
    host.out(["mount", "-o", "remount,bind,ro", "/proc/sys"])
    code, findings = checked(host)
    assert code == 1
    assert missing(findings) == ["sysctls"]
    assert findings["sysctls"]["found"] == "Read-only file system"
    assert "remount,rw" in findings["sysctls"]["advice"]


def test_without_the_permission_for_namespaces_nothing_else_is_tried(host: Host) -> None:
    done = host.run(["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", *CNM, "check"])
    assert done.returncode == 1
    assert "namespaces     missing    Operation not permitted" in done.stdout
    assert "nft-rules" not in done.stdout


def test_root_of_a_user_namespace_is_none_here(host: Host) -> None:
    done = host.run(["unshare", "--user", "--map-root-user", *CNM, "check", "--format", "json"])
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert findings["permission"]["state"] == "missing"


def test_without_root_it_refuses_in_one_line(host: Host) -> None:
    done = host.run(["unshare", "--user", *CNM, "check"])
    assert (done.returncode, done.stdout) == (1, "")
    assert "root" in done.stderr and done.stderr.count("\n") == 1
