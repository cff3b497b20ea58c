# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that somebody else already uses: refused without changes, or adopted on request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lab import command
from playbook import ALL, Playbook, inventory, reaches_out, web_works

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError


def refused(play: Playbook, name: str, *networks: str) -> str:
    """Ask for a sandbox; return why it was refused, after checking that the host is unchanged."""
    before, sandboxes = inventory(play.host), play.shown("sandbox")
    with pytest.raises(CnmError) as caught:
        play.sandbox(name, *networks)
    assert inventory(play.host) == before
    assert play.shown("sandbox") == sandboxes
    return str(caught.value)


def inside(play: Playbook, namespace: str) -> Any:
    shown = json.loads(play.host.out(["ip", "-json", "address"], namespace))
    return [
        (link["ifname"], "UP" in link["flags"], link["address"], link["group"], link["mtu"], link["addr_info"][:1])
        for link in shown
    ]


def test_a_namespace(play: Playbook) -> None:
    play.network("web")
    command("ip netns add one")
    play.host.ip("link set lo up\nlink add eth0 type veth peer name peer0\n", "/run/netns/one")
    theirs = inside(play, "/run/netns/one")
    message = refused(play, "one", "web")
    assert "network namespace '/run/netns/one'" in message
    assert "was not made by us" in message
    assert inside(play, "/run/netns/one") == theirs
    play.sandbox("one", state="absent")
    assert inside(play, "/run/netns/one") == theirs


def test_a_file_at_the_namespace_s_path(play: Playbook) -> None:
    play.network("web")
    Path("/run/netns/one").write_text("mine\n")
    assert "'/run/netns/one'" in refused(play, "one", "web")
    assert Path("/run/netns/one").read_text() == "mine\n"


@pytest.mark.parametrize("target", ("/run/outside", "/run/netns/two", "/run/nowhere", "/etc/hostname"))
def test_a_link_at_the_namespace_s_path(play: Playbook, target: str) -> None:
    play.network("web")
    play.sandbox("two", "web")
    Path("/run/netns/one").symlink_to(target)
    theirs = inside(play, "/run/netns/two")
    assert "'/run/netns/one'" in refused(play, "one", "web")
    assert inside(play, "/run/netns/two") == theirs


def test_a_bridge(play: Playbook) -> None:
    name = f"br-{play.network('web', check=True).objects[0]['Id'][:12]}"
    command(f"ip link add {name} type bridge")
    command(f"ip address add 192.0.2.1/24 dev {name}")
    before = inventory(play.host)
    with pytest.raises(CnmError, match=f"bridge '{name}' that was not made by us"):
        play.network("web")
    assert inventory(play.host) == before
    assert "web" not in [each["Name"] for each in play.shown("network")]


def test_a_veth(play: Playbook) -> None:
    play.network("web")
    shown = play.sandbox("one", "web", check=True).objects[0]
    (endpoint,) = [each["EndpointID"] for each in shown["Networks"].values()]
    command(f"ip link add veth{endpoint[:11]} type veth peer name theirs")
    assert f"'veth{endpoint[:11]}'" in refused(play, "one", "web")


def test_a_hosts_file_that_is_a_link(play: Playbook) -> None:
    play.network("web")
    outside = Path("/run/precious")
    outside.write_text("root:x:0:0\n")
    Path("/etc/netns/one").mkdir()
    Path("/etc/netns/one/hosts").symlink_to(outside)
    assert "'/etc/netns/one/hosts'" in refused(play, "one", "web")
    assert outside.read_text() == "root:x:0:0\n"


def test_a_folder_that_is_a_link(play: Playbook) -> None:
    play.network("web")
    outside = Path("/run/precious")
    outside.mkdir()
    (outside / "hosts").write_text("192.0.2.1 mine\n")
    Path("/etc/netns/one").symlink_to(outside)
    assert "'/etc/netns/one'" in refused(play, "one", "web")
    assert [(each.name, each.read_text()) for each in outside.iterdir()] == [("hosts", "192.0.2.1 mine\n")]


def test_an_adopted_namespace_survives_us(play: Playbook) -> None:
    command("ip netns add theirs")
    play.host.ip(
        "link set lo up\nlink add own type veth peer name own-peer\n"
        "address add 192.0.2.1/24 dev own\nlink set own up\n",
        "/run/netns/theirs",
    )
    theirs, before = inside(play, "/run/netns/theirs"), inventory(play.host)
    play.network("web")
    play.sandbox("one", "web", netns="/run/netns/theirs")
    assert reaches_out("theirs")
    assert inside(play, "/run/netns/theirs") != theirs
    play.sandbox("one", state="absent")
    assert inside(play, "/run/netns/theirs") == theirs
    play.end()
    assert inventory(play.host) == before


def test_an_adopted_bridge_survives_us(play: Playbook) -> None:
    def details() -> dict[str, Any]:
        (shown,) = json.loads(play.host.out(["ip", "-json", "link", "show", "br0"]))
        return {name: shown[name] for name in ("address", "mtu", "group", "link_type", "txqlen")}

    play.host.ip(
        "link add br0 type bridge\naddress add 192.0.2.1/24 dev br0\nlink set br0 up\n"
        "link add port0 type veth peer name port1\nlink set port0 master br0 up\n"
    )
    before, theirs = inventory(play.host), details()
    play.network("web", driver_options={"com.docker.network.bridge.name": "br0"})
    play.sandbox("one", "web", published_ports=["8080:80"])
    play.sandbox("two", "web")
    assert play.address("one", "web").startswith("192.0.2.")
    assert web_works(play) == ALL
    assert not play.sandbox("one").changed
    play.end()
    assert details() == theirs
    assert inventory(play.host) == before
