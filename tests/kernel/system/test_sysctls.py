# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel settings of the host and of namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput, KernelRefused
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Sysctl
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import Link
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.namespace import Namespace
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.plan import Step
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST

WEB = Namespace("/run/netns/web")
SOMAXCONN = Sysctl(WEB.path, "net/core/somaxconn", "17")


def test_a_setting_of_a_namespace_is_not_the_hosts(host: Host) -> None:
    before = Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii")
    host.kernel.apply([Step(None, WEB), Step(None, SOMAXCONN)])
    assert host.kernel.read([SOMAXCONN.key]) == {SOMAXCONN.key: SOMAXCONN}
    assert host.out(["cat", "/proc/sys/net/core/somaxconn"], WEB.path) == "17\n"
    assert Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii") == before


def test_a_setting_of_a_bridge_that_is_made_in_the_same_run(host: Host) -> None:
    name = "net/ipv4/conf/br-web/route_localnet"
    setting = Sysctl(HOST, name, "1", link="br-web")
    assert host.kernel.read([setting.key]) == {}
    host.kernel.apply([Step(None, Link(HOST, "br-web", "bridge")), Step(None, setting)])
    assert host.kernel.read([setting.key]) == {setting.key: setting}


def test_several_words_read_as_they_are_written(host: Host) -> None:
    setting = Sysctl(HOST, "net/ipv4/ip_local_port_range", "20000 30000")
    host.kernel.apply([Step(None, setting)])
    assert host.kernel.read([setting.key]) == {setting.key: setting}


def test_removing_leaves_the_value(host: Host) -> None:
    host.kernel.apply([Step(None, WEB), Step(None, SOMAXCONN)])
    host.kernel.apply([Step(SOMAXCONN, None)])
    assert host.kernel.read([SOMAXCONN.key]) == {SOMAXCONN.key: SOMAXCONN}


def test_a_read_only_proc_is_explained(host: Host) -> None:
    host.out(["mount", "--bind", "/proc/sys", "/proc/sys"])
    host.out(["mount", "-o", "remount,ro,bind", "/proc/sys"])
    with pytest.raises(KernelRefused, match="'net/ipv4/ip_forward'.*'1'.*Read-only file system"):
        host.kernel.apply([Step(None, Sysctl(HOST, "net/ipv4/ip_forward", "1"))])


def test_a_setting_that_there_is_not(host: Host) -> None:
    missing = Sysctl(HOST, "net/ipv4/there_is_no_such", "1")
    assert host.kernel.read([missing.key]) == {}
    with pytest.raises(KernelRefused, match="there_is_no_such.*does not have it"):
        host.kernel.apply([Step(None, missing)])


@pytest.mark.parametrize("name", ["../../etc/hosts", "/etc/hosts", "net/../../../etc/hosts"])
def test_nothing_outside_of_proc_sys_is_written(host: Host, name: str) -> None:
    with pytest.raises(InvalidInput, match="is not a sysctl"):
        host.kernel.apply([Step(None, Sysctl(HOST, name, "1"))])


def test_a_secret_that_the_kernel_refuses_is_not_told(host: Host) -> None:
    host.kernel.apply([Step(None, WEB)])
    with pytest.raises(KernelRefused, match="'net/ipv4/tcp_fastopen_key'.*Invalid argument") as caught:
        host.kernel.apply([Step(None, Sysctl(WEB.path, "net/ipv4/tcp_fastopen_key", "mistyped-sesame"))])
    assert "sesame" not in str(caught.value)
