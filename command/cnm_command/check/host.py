# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of the host, seen from its own network namespace."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Iterator

from _cnm.kernel.system import sysctl
from _cnm.kernel.system.programs import find

from ..access import run_program
from .finding import Finding, judge

_HOSTS = "/etc/hosts"
_ETCD = "/etc/cnm/etcd.json"
_PATIENCE = 5.0
"""Seconds in which a member has to answer."""
_BRIDGED = "net/bridge/bridge-nf-call-iptables"


def findings() -> Iterator[Finding]:
    """Yield the findings about settings and permissions in the host's namespace."""
    yield _permission()
    yield _ipv6()
    yield _hosts()
    if find("dockerd") is not None:
        yield _br_netfilter()
    yield _systemd()
    if os.path.exists(_ETCD):
        yield _etcd()
    if find("ovs-vsctl") is not None:
        yield _openvswitch()


def _permission() -> Finding:
    """Check with nft, because root in a container may have no rights in the network namespace that it sees."""
    program = find("nft")
    problem = "nft is not installed" if program is None else ""
    if program is not None:
        code, _output, errors = run_program([program, "list", "tables"], None)
        if code:
            problem = errors.strip().splitlines()[0] if errors.strip() else f"nft failed with status {code}"
    advice = "The rules of this host cannot be read: CAP_NET_ADMIN in the host's own user namespace is needed."
    return judge("permission", "rules can be read", problem, advice)


def _ipv6() -> Finding:
    disabled = sysctl.value("net/ipv6/conf/all/disable_ipv6")
    problem = {None: "this kernel has none", "0": ""}.get(disabled, "switched off")
    advice = (
        "Networks with enable_ipv6 do not work here; all others do. To enable IPv6: sysctl "
        "net.ipv6.conf.all.disable_ipv6=0, and no ipv6.disable=1 on the kernel's command line."
    )
    return judge("ipv6", "on", problem, advice, required=False)


def _hosts() -> Finding:
    problem = "" if os.path.exists(_HOSTS) else "not there"
    advice = (
        f"A program in a sandbox finds names in a file that is mounted over {_HOSTS}, so it finds none here. "
        f"Make one: echo '127.0.0.1 localhost' >{_HOSTS}"
    )
    return judge("hosts-file", _HOSTS, problem, advice, required=False)


def _br_netfilter() -> Finding:
    value = sysctl.value(_BRIDGED)
    problem = "not loaded" if value is None else ""
    advice = (
        "Docker loads it when it starts, and from then on firewall rules see traffic within a bridge. To get the same "
        "behaviour earlier: modprobe br_netfilter."
    )
    return judge("br_netfilter", f"bridge-nf-call-iptables={value}", problem, advice, required=False)


def _systemd() -> Finding:
    problem = "" if os.path.isdir("/run/systemd/system") else "not running"
    advice = "Nothing restores the networks after a reboot: have your init system run 'cnm restore'."
    return judge("systemd", "running", problem, advice, required=False)


def _etcd() -> Finding:
    from _cnm.etcd.client import Client
    from _cnm.etcd.errors import EtcdError
    from _cnm.etcd.settings_file import read
    from _cnm.model.errors import CnmError

    problem = ""
    try:
        client = Client(replace(read(_ETCD).etcd, patience=_PATIENCE))
        client.get("check")
        client.close()
    except (CnmError, EtcdError) as error:
        problem = str(error).rstrip(".")
    advice = (
        "On networks with the driver option cnm.overlay.control=etcd, this host and others do not know each other's "
        "endpoints. Correct the settings, or find out why no member answers."
    )
    return judge("etcd", "it answers", problem, advice, required=False)


def _openvswitch() -> Finding:
    from _cnm.kernel.openvswitch import has_system_datapath, read

    problem = read(run_program).problem.partition(" Start ")[0].rstrip(".")
    advice = "Networks of driver 'openvswitch' need its services: systemctl start openvswitch-switch"
    datapaths = "system, netdev" if has_system_datapath(run_program) else "netdev"
    return judge("openvswitch", f"datapath {datapaths}", problem, advice, required=False)
