# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sandboxes: stopped, restarted, adopted; which network provides the default route."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import Conflict
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import Link
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.namespace import Namespace

SPACE = ("namespace", "/run/netns/db")


def test_a_stopped_one_keeps_its_addresses(lan):
    before = lan.one("endpoint", "db")
    lan.sandbox("db", state="stopped")
    assert {key.kind for key in lan.left() if "db" in str(key)} == set()
    assert lan.one("sandbox", "db")["State"] == "stopped"
    lan.endpoint("other", network="lan")
    assert lan.one("endpoint", "other")["IPv4Address"] == "10.1.0.3/24"
    assert lan.one("network", "lan")["Containers"] == {}
    assert not lan.sandbox("db", state="stopped").changed
    lan.sandbox("db")
    assert lan.one("endpoint", "db") == before
    assert SPACE in lan.kernel.present


def test_a_restarted_one_is_made_again_and_keeps_addresses_and_names(lan):
    lan.network("back")
    lan.sandbox("db", networks=[{"name": "back", "interface_name": "data0"}, {"name": "lan"}])
    present, objects = dict(lan.kernel.present), lan.remembered()
    steps = []
    lan.kernel.before_step = steps.append
    assert lan.sandbox("db", state="restarted").changed
    assert lan.kernel.present == present
    assert lan.remembered() == objects
    assert [step.resource.key for step in steps if step.after is None] == [
        ("link", SPACE[1], "eth0"),
        ("link", SPACE[1], "data0"),
        SPACE,
    ]
    assert [step for step in steps if step.resource.key[:2] == ("link", "")] == []


def test_a_restart_of_what_is_not_there_makes_it(host):
    assert host.sandbox("db", state="restarted").changed
    assert SPACE in host.kernel.present


def test_networks_are_those_listed_and_what_joined_by_itself(lan):
    lan.network("back")
    lan.endpoint("vip", network="back", sandbox="db")
    lan.sandbox("db")
    assert sorted(lan.one("sandbox", "db")["Networks"]) == ["back", "lan"]
    assert not lan.sandbox("db", networks=[{"name": "lan"}]).changed
    lan.sandbox("db", networks=[], published_ports=[])
    assert sorted(lan.one("sandbox", "db")["Networks"]) == ["back"]
    assert sorted(lan.listed("endpoint")) == ["vip"]


def test_removal_takes_its_own_endpoints_and_leaves_others(lan):
    lan.network("back")
    lan.endpoint("vip", network="back", sandbox="db")
    lan.sandbox("db", state="absent")
    assert {name: one["State"] for name, one in lan.listed("endpoint").items()} == {"vip": "left"}


@pytest.mark.parametrize(
    ("networks", "owner"),
    [
        ([{"name": "a"}, {"name": "b"}], "a"),
        ([{"name": "b"}, {"name": "a"}], "a"),
        ([{"name": "a"}, {"name": "b", "gateway_priority": 1}], "b"),
        ([{"name": "a", "gateway_priority": -1}, {"name": "b"}], "b"),
        ([{"name": "inside"}, {"name": "z"}], "z"),
        ([{"name": "inside", "gateway_priority": 9}, {"name": "z"}], "z"),
        ([{"name": "inside"}], None),
        ([], None),
    ],
)
def test_who_gives_the_default_route(host, networks, owner):
    host.ensure("network", *({"name": name, "internal": name == "inside"} for name in ("a", "b", "inside", "z")))
    host.sandbox("db", networks=networks)
    shown = host.one("sandbox", "db")["Networks"]
    assert [name for name, one in shown.items() if one["DefaultRoute4"]] == ([owner] if owner else [])
    route = host.default_route("db")
    assert route == ((shown[owner]["Gateway"], shown[owner]["InterfaceName"]) if owner else None)


def test_each_family_has_its_own_default_route(host):
    host.network("a")
    host.network("b", enable_ipv6=True)
    host.sandbox("db", networks=[{"name": "a"}, {"name": "b"}])
    shown = host.one("sandbox", "db")["Networks"]
    assert [(one["DefaultRoute4"], one["DefaultRoute6"]) for one in shown.values()] == [(True, False), (False, True)]
    assert host.default_route("db", "::/0") == (shown["b"]["IPv6Gateway"], shown["b"]["InterfaceName"])


def test_the_default_route_moves_in_place(lan):
    lan.network("a")
    lan.endpoint("db", network="a", sandbox="db")
    assert lan.default_route("db") == (lan.one("network", "a")["IPAM"]["Config"][0]["Gateway"], "eth1")
    lan.endpoint("db", network="a", gateway_priority=-1)
    assert lan.default_route("db") == ("10.1.0.1", "eth0")


def test_host_has_the_host_s_stack(lan):
    lan.sandbox("app", networks=[{"name": "host"}])
    assert [key for key in lan.kernel.present if "app" in str(key)] == []
    assert lan.one("sandbox", "app")["SandboxKey"] == ""


def test_none_has_a_loopback(lan):
    lan.sandbox("app", networks=[{"name": "none"}])
    assert ("namespace", "/run/netns/app") in lan.kernel.present
    assert "/run/netns/app" not in lan.links()


@pytest.fixture(params=["path", "pid"])
def theirs(request, lan):
    """A host with somebody else's namespace, which contains an interface."""
    path = {"path": "/run/netns/vm", "pid": "/proc/77/ns/net"}[request.param]
    lan.theirs = {"netns": path} if request.param == "path" else {"pid": 77}
    lan.path = path
    lan.kernel.facts.namespaces[path] = "4711"
    for one in (Namespace(path, ours=False), Link(path, "eth0", "veth", group=0)):
        lan.kernel.present[one.key] = one
    return lan


def strange(host):
    return {key for key in host.left() if host.path in key}


def test_an_adopted_namespace_is_used_and_never_removed(theirs):
    before = strange(theirs)
    theirs.sandbox("vm", networks=[{"name": "lan"}], **theirs.theirs)
    assert theirs.links()[theirs.path] == ["eth0", "eth1"]
    assert theirs.one("sandbox", "vm")["SandboxKey"] == theirs.path
    assert not theirs.sandbox("vm", networks=[{"name": "lan"}], **theirs.theirs).changed
    assert not theirs.sandbox("vm").changed
    assert theirs.sandbox("vm", state="restarted").changed
    assert theirs.links()[theirs.path] == ["eth0", "eth1"]
    theirs.sandbox("vm", state="stopped")
    assert strange(theirs) == before
    theirs.sandbox("vm")
    theirs.sandbox("vm", state="absent")
    assert strange(theirs) == before


def test_the_default_route_is_beside_that_of_an_adopted_namespace(theirs):
    theirs.sandbox("vm", networks=[{"name": "lan"}], **theirs.theirs)
    routes = {key[1]: one for key, one in theirs.kernel.present.items() if key.kind == "route"}
    assert {path: one.foremost for path, one in routes.items()} == {"/run/netns/db": None, theirs.path: True}


def test_a_namespace_is_adopted_once(theirs):
    theirs.kernel.facts.namespaces["/run/netns/db"] = "4712"
    theirs.sandbox("vm", **theirs.theirs)
    assert "is already used by sandbox 'vm'" in theirs.refused("sandbox", {"name": "again", **theirs.theirs})
    assert "is already used by sandbox 'db'" in theirs.refused("sandbox", {"name": "again", "netns": "/run/netns/db"})


def run_process(host):
    """Let there be a process with a namespace of its own, which sandbox 'process' adopts."""
    path = "/proc/7/ns/net"
    host.kernel.facts.namespaces[path] = "4713"
    host.kernel.present[("namespace", path)] = Namespace(path, ours=False)
    host.sandbox("process", pid=7)


def test_a_namespace_is_adopted_once_by_whatever_path(theirs):
    namespaces = theirs.kernel.facts.namespaces
    namespaces["/run/netns/db"] = "4712"
    run_process(theirs)
    theirs.sandbox("vm", state="stopped", **theirs.theirs)
    for holder, identity in (("db", "4712"), ("vm", namespaces[theirs.path]), ("process", "4713")):
        namespaces["/run/another-path"] = identity
        for options in ({"netns": "/run/another-path"}, {"pid": 8}):
            namespaces["/proc/8/ns/net"] = identity
            text = theirs.refused("sandbox", {"name": "again", **options})
            assert f"is already used by sandbox '{holder}'" in text
    theirs.sandbox("db", state="stopped")
    assert "is already used by sandbox 'db'" in theirs.refused("sandbox", {"name": "again", "netns": "/run/netns/db"})


def test_to_adopt_a_namespace_looks_only_where_others_may_be(theirs, monkeypatch):
    looked_at = []
    facts = theirs.kernel.facts
    monkeypatch.setattr(facts, "namespace_file", lambda path: looked_at.append(path) or facts.namespaces.get(path))
    run_process(theirs)
    theirs.sandbox("halted", state="stopped")
    looked_at.clear()
    theirs.sandbox("vm", **theirs.theirs)
    assert set(looked_at) == {theirs.path, "/run/netns/db"}


def test_an_interface_gives_way_to_one_of_an_adopted_namespace(theirs):
    theirs.sandbox("vm", **theirs.theirs)
    theirs.endpoint("db", network="lan", sandbox="vm", force=True)
    assert theirs.links()[theirs.path] == ["eth0", "eth1"]


def test_an_adopted_namespace_that_is_gone(theirs):
    theirs.sandbox("vm", networks=[{"name": "lan"}], **theirs.theirs)
    lose(theirs)
    assert theirs.refused("sandbox", {"name": "vm"}).startswith("Sandbox 'vm': ")
    assert theirs.sandbox("vm", state="absent").changed


def lose(host):
    """Remove somebody else's namespace with everything in it."""
    host.kernel.lose(("namespace", host.path))
    del host.kernel.facts.namespaces[host.path]


def test_a_lost_namespace_keeps_nothing_else_from_being_restored(theirs):
    theirs.sandbox("vm", networks=[{"name": "lan"}], published_ports=["8081:80"], **theirs.theirs)
    complete = set(theirs.kernel.present)
    for key in [key for key in complete if key.kind in ("ruleset", "element")]:
        theirs.kernel.lose(key)
    lose(theirs)
    result = theirs.controller().restore()
    assert result.changed and result.left_out == ["vm"]
    assert "Sandbox 'vm' was left out: " in theirs.warnings[-1]
    assert {key for key in complete if theirs.path not in key} <= set(theirs.kernel.present)
    assert strange(theirs) == set()
    assert theirs.network("other").changed
    assert not theirs.controller().restore().changed


def test_the_ports_of_a_lost_namespace_go_with_the_sandbox(theirs):
    before = {key for key in theirs.kernel.present if key.kind == "element"}
    theirs.sandbox("vm", networks=[{"name": "lan"}], published_ports=["8081:80"], **theirs.theirs)
    lose(theirs)
    assert {key for key in theirs.kernel.present if key.kind == "element"} > before
    theirs.sandbox("vm", state="absent")
    assert {key for key in theirs.kernel.present if key.kind == "element"} == before


def test_a_lost_namespace_that_is_back_is_used_again(theirs):
    theirs.sandbox("vm", networks=[{"name": "lan"}], **theirs.theirs)
    complete = set(theirs.kernel.present)
    there = [one for key, one in theirs.kernel.present.items() if key == ("namespace", theirs.path)]
    lose(theirs)
    theirs.controller().restore()
    theirs.kernel.present.update({one.key: one for one in there})
    theirs.kernel.facts.namespaces[theirs.path] = "4711"
    result = theirs.controller().restore()
    assert result.changed and result.left_out == []
    assert set(theirs.kernel.present) == complete - {("link", theirs.path, "eth0")}


def test_a_namespace_of_our_name_that_is_not_ours(host):
    one = Namespace("/run/netns/db", ours=False)
    host.kernel.present[one.key] = one
    assert "was not made by us" in host.refused("sandbox", {"name": "db"}, error=Conflict)
    host.kernel.facts.namespaces[one.path] = "4711"
    assert host.sandbox("db", netns=one.path).changed


def test_settings_are_set(host):
    host.sandbox("db", sysctls={"net.core.somaxconn": 1024, "net/ipv4/conf/eth0.5/forwarding": True})
    values = {key[2]: one.value for key, one in host.kernel.present.items() if key[:2] == ("sysctl", "/run/netns/db")}
    assert values["net/core/somaxconn"] == "1024"
    assert values["net/ipv4/conf/eth0.5/forwarding"] == "true"


@pytest.mark.parametrize("check", [False, True])
def test_nobody_is_left_without_a_network_by_a_move_to_the_host_s(host, check):
    host.sandbox("db", networks=[{"name": "bridge"}])
    host.kernel.facts.programs = {"/run/netns/db": ["nginx (123)"]}
    on_host = {"name": "db", "networks": [{"name": "host"}]}
    text = host.refused("sandbox", on_host, check=check)
    assert "Sandbox 'db'" in text and "while programs run in it" in text and "nginx (123)" in text
    host.sandbox("db", state="stopped")
    host.kernel.facts.programs = {}
    assert host.sandbox("db", networks=[{"name": "host"}]).changed
    host.kernel.facts.programs = {"/run/netns/db": ["nginx (123)"]}
    assert not host.sandbox("db", networks=[{"name": "host"}]).changed


@pytest.mark.parametrize("name", ["net.ipv4.tcp_fastopen_key", "net/ipv6/conf/eth0.5/stable_secret"])
def test_the_value_of_a_secret_setting_is_shown_nowhere(host, name):
    host.sandbox("db", sysctls={name: "0a1b2c3d"})
    result = host.sandbox("db", sysctls={name: "4e5f6a7b"})
    assert result.changed
    shown = f"{result} {host.listed('sandbox')}"
    assert "********" in shown
    assert [secret for secret in ("0a1b2c3d", "4e5f6a7b") if secret in shown] == []
    assert not host.sandbox("db", sysctls={name: "4e5f6a7b"}).changed


def test_a_setting_is_compared_as_the_kernel_has_it(host):
    host.sandbox("db", sysctls={"net.ipv4.tcp_rmem": "4096\t131072  6291456 "})
    assert host.one("sandbox", "db")["Sysctls"] == {"net.ipv4.tcp_rmem": "4096 131072 6291456"}
    assert not host.sandbox("db", sysctls={"net.ipv4.tcp_rmem": "4096 131072 6291456"}).changed
