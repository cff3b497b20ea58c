# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces are created, found, left alone and removed."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Dict

import pytest
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.namespace import Namespaces
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import Conflict, KernelRefused
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Address
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.namespace import Namespace
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.plan import Step, plan
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import Key, Resource

WEB = Namespace("/run/netns/web")


def test_ip_netns_knows_it_and_its_loopback_works(host: Host) -> None:
    home = os.readlink("/proc/self/ns/net")
    host.kernel.apply([Step(None, WEB)])
    assert os.readlink("/proc/self/ns/net") == home
    assert host.out(["ip", "netns"]).split() == ["web"]
    host.out(["ip", "netns", "exec", "web", "ping", "-c1", "-W10", "127.0.0.1"])
    assert host.kernel.read([WEB.key]) == {WEB.key: WEB}


def test_the_folder_is_made_and_shared(host: Host) -> None:
    path = Namespace("/run/elsewhere/web")
    host.kernel.apply([Step(None, path)])
    folder = os.stat("/run/elsewhere")
    assert folder.st_mode & 0o777 == 0o755
    assert host.out(["findmnt", "--noheadings", "--output", "PROPAGATION", "/run/elsewhere"]).strip() == "shared"


def test_removing_leaves_nothing_and_may_be_repeated(host: Host) -> None:
    host.kernel.apply([Step(None, WEB)])
    for _again in range(2):
        host.kernel.apply([Step(WEB, None)])
        assert host.kernel.read([WEB.key]) == {}
        assert not os.path.lexists(WEB.path)


def test_its_identity_is_found_once_as_long_as_its_path_leads_there(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.kernel.apply([Step(None, WEB)])
    opened = []
    open_one = Namespaces.open
    monkeypatch.setattr(Namespaces, "open", lambda spaces, path: opened.append(path) or open_one(spaces, path))
    identity = host.kernel.facts.namespace_id
    assert identity(WEB.path) is not None
    assert identity(WEB.path) == identity(WEB.path)
    assert opened == [WEB.path]
    host.out(["ip", "netns", "del", "web"])
    assert identity(WEB.path) is None
    host.out(["ip", "netns", "add", "web"])
    with pytest.raises(KernelRefused, match="has become another network namespace"):
        identity(WEB.path)


def test_one_made_again_is_a_new_one(host: Host) -> None:
    host.kernel.apply([Step(None, WEB)])
    first = host.kernel.facts.namespace_id(WEB.path)
    host.kernel.apply([Step(WEB, None), Step(None, WEB)])
    assert host.kernel.facts.namespace_id(WEB.path) not in (None, first)
    assert host.kernel.facts.link_names(WEB.path) == {"lo"}


def test_somebody_elses_is_seen_as_such(host: Host) -> None:
    host.out(["ip", "netns", "add", "web"])
    assert host.kernel.read([WEB.key]) == {WEB.key: Namespace(WEB.path, ours=False)}


def test_a_path_of_a_process_is_a_namespace(host: Host) -> None:
    with subprocess.Popen(["nsenter", f"--net={host.outside}", "sleep", "60"]) as process:
        path = f"/proc/{process.pid}/ns/net"
        while host.kernel.facts.namespace_id("") == Kernel(host.program).facts.namespace_id(path):
            time.sleep(0.01)
        present = host.kernel.read([Namespace(path).key, Address.at(path, "wan", "198.51.100.1/24")])
        assert set(present.values()) == {Namespace(path, ours=False), Address(path, "wan", "198.51.100.1/24")}
        assert host.kernel.facts.namespace_id(path) == host.kernel.facts.namespace_id(host.outside)
        process.kill()


def test_the_host_s_own_is_none_for_a_sandbox(host: Host) -> None:
    path = f"/proc/{os.getpid()}/ns/net"
    assert host.kernel.facts.namespace_id(path) == host.kernel.facts.namespace_id("")
    assert host.kernel.read([Namespace(path).key, Address.at(path, "uplink", "198.51.100.2/24")]) == {}


@pytest.mark.parametrize("wanted", [{}, {WEB.key: WEB}])
def test_the_empty_file_left_by_a_killed_run_goes(host: Host, wanted: Dict[Key, Resource]) -> None:
    Path(WEB.path).touch()
    present = host.kernel.read([WEB.key])
    assert present == {WEB.key: Namespace(WEB.path, mounted=False)}
    host.kernel.apply(plan(wanted, present))
    assert host.kernel.read([WEB.key]) == wanted
    assert Path(WEB.path).exists() == bool(wanted)


@pytest.mark.parametrize("kind", ["symlink", "folder", "file with text", "another kind of namespace"])
def test_anything_else_in_its_place_is_a_conflict_and_stays(host: Host, kind: str) -> None:
    path = Path(WEB.path)
    if kind == "symlink":
        path.symlink_to("/run/target")
    elif kind == "folder":
        path.mkdir()
    elif kind == "file with text":
        path.write_text("mine", encoding="utf-8")
    else:
        path.touch()
        host.out(["mount", "--bind", "/proc/self/ns/uts", str(path)])
    with pytest.raises(Conflict, match=WEB.path):
        host.kernel.apply([Step(None, WEB)])
    assert os.path.lexists(path)
    assert not os.path.exists("/run/target")
    assert host.kernel.read([WEB.key]) == {}
