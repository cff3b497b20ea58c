# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs of the role etcd: certificates, users, and a member that is replaced."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from etcd_cluster import FOLDER, Cluster, Member, needs_etcd
from fleet import Fleet

from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.client import Client
from ansible_collections.cnm.linux.plugins.module_utils._cnm.etcd.errors import Refused, Unavailable

pytest.importorskip("cryptography")
pytestmark = needs_etcd
FILES = Path(__file__).resolve().parents[3] / "roles" / "etcd" / "files"
ENDINGS = {"certificate": "pem", "key": "key"}


def answer(program: str, **question: Any) -> Any:
    """Return what PROGRAM of the role answers to QUESTION."""
    done = subprocess.run(
        [sys.executable, FILES / program], input=json.dumps(question), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def certificates(folder: Path, members: dict[str, str], check: bool = False) -> list[str]:
    """Return the names of the certificates that are made for MEMBERS and for the client web."""
    result = answer("certificates.py", folder=str(folder), members=members, clients=["web", *members], check=check)
    assert "problem" not in result, result
    return sorted(str(Path(each).relative_to(folder)) for each in result["changed"])


class Managed(Cluster):
    """A cluster with certificates of the role."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.folder = folder / "etcd"
        certificates(self.folder, {each.name: each.vtep[4] for each in fleet.members})
        members = [Member(each.name, each.vtep[4], "https", each) for each in fleet.members]
        ours = {"ca": "ca.pem", "certificate": "web.pem", "key": "web.key"}
        self.files = {name: str(self.folder / "clients" / file) for name, file in ours.items()}
        super().__init__(members, {}, **self.files)
        for each in members:
            each.peer_url = each.peer_url.replace("http:", "https:")
        for each in members:
            self.configure(each, ",".join(f"{one.name}={one.peer_url}" for one in members), "new")

    def configure(self, member: Member, initial: str, state: str) -> None:
        options: dict[str, object] = {"initial-cluster-state": state}
        for folder, prefix in (("clients", ""), ("peers", "peer-")):
            here = self.folder / folder
            options[f"{prefix}cert-file"] = here / f"{member.name}.pem"
            options[f"{prefix}key-file"] = here / f"{member.name}.key"
            options[f"{prefix}trusted-ca-file"] = here / "ca.pem"
            options[f"{prefix}client-cert-auth"] = "true"
        member.configure(initial, options)

    def program(self, do: str, check: bool = False, **more: Any) -> Any:
        more.setdefault("urls", [each.url for each in self.members])
        result = answer("cluster.py", do=do, root="root's", check=check, **self.files, **more)
        assert "problem" not in result, result
        return result

    def settle(self, check: bool = False, **more: Any) -> list[str]:
        """Return what was done so that all is as the role wants it; MORE replaces what it wants."""
        wanted = {"peers": [each.peer_url for each in self.members], "user": "cnm", "password": "1", "prefix": "/cnm/"}
        changed: list[str] = self.program("settle", check, **{**wanted, **more})["changed"]
        return changed

    def as_user(self, password: str, **more: Any) -> Client:
        return self.client(user="cnm", password=password, patience=20.0, **more)


def test_certificates_are_made_once_and_again_when_the_address_changes(tmp_path: Path) -> None:
    folder = tmp_path / "etcd"
    members = {"m1": "192.0.2.1"}
    wanted = ["clients/ca.pem", "clients/m1.pem", "clients/web.pem", "peers/ca.pem", "peers/m1.pem"]
    assert certificates(folder, members, check=True) == wanted and not folder.exists()
    assert certificates(folder, members) == wanted
    assert certificates(folder, members) == []
    assert {each.stat().st_mode & 0o077 for each in folder.rglob("*")} == {0}
    assert certificates(folder, {"m1": "2001:db8::1"}) == ["clients/m1.pem", "peers/m1.pem"]
    (folder / "clients" / "ca.key").unlink()
    result = answer("certificates.py", folder=str(folder), members={}, clients=[], check=False)
    assert "one is missing" in result["problem"]


@pytest.fixture()
def cluster(tmp_path: Path) -> Iterator[Managed]:
    """A cluster of three hosts that does not run yet; the test is on one of them."""
    fleet = Fleet(3)
    made = Managed(fleet, tmp_path)
    try:
        with fleet.members[0].here():
            yield made
    finally:
        made.end()
        fleet.close()


def test_users_and_members_become_as_the_role_wants_them(cluster: Managed) -> None:
    assert not cluster.program("find")["found"]
    cluster.start()
    assert cluster.program("find")["found"]
    planned = cluster.settle(check=True)
    assert "switch users on" in planned
    assert cluster.settle() == planned
    assert cluster.settle() == []
    client = cluster.as_user("1")
    client.put("kept", b"1")
    with pytest.raises(Refused, match="permission denied"):
        cluster.as_user("1", prefix="/other/").get("a")
    assert cluster.settle(password="2", prefix="/net/") == [
        "take a permission from the role cnm",
        "permit the role cnm the prefix /net/",
        "change the password of the user cnm",
    ]
    assert len(cluster.settle()) == 3

    lost = cluster.leader()
    lost.kill()
    with lost.here():
        shutil.rmtree(FOLDER / lost.name)
    # The others may have no leader yet.
    initial = cluster.program("join", name=lost.name, peer=lost.peer_url)["initial"]
    assert sorted(initial.split(",")) == sorted(f"{each.name}={each.peer_url}" for each in cluster.members)
    again = cluster.program("join", name=lost.name, peer=lost.peer_url)
    assert again["changed"] == [] and sorted(again["initial"].split(",")) == sorted(initial.split(","))
    cluster.configure(lost, initial, "existing")
    lost.start()
    cluster.wait_for(lost)
    assert cluster.settle() == []
    kept = cluster.as_user("1").get("kept")
    assert kept is not None and kept.value == b"1"

    gone = cluster.members[0]
    rest = cluster.others(gone)
    wanted = {"urls": [each.url for each in rest], "peers": [each.peer_url for each in rest]}
    assert cluster.settle(**wanted) == [f"remove the member {gone.name}"]


def test_a_client_cannot_pose_as_a_member(cluster: Managed) -> None:
    first = cluster.members[0]
    cluster.configure(first, f"{first.name}={first.peer_url}", "new")
    first.start()
    cluster.wait_for(first)
    peers = str(cluster.folder / "peers" / "ca.pem")
    member = {name: str(cluster.folder / "peers" / f"h1.{end}") for name, end in ENDINGS.items()}
    for files, accepted in (({}, False), (member, True)):
        settings = replace(cluster.settings(first, ca=peers, patience=0.5, **files), endpoints=[first.peer_url])
        # There is no API at this port, which a member is told and a client is not.
        with pytest.raises(Refused if accepted else Unavailable):
            Client(settings).get("a")
