# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what this host lets us do, in namespaces of our own: the host itself is not changed.

The process leaves the host's namespaces for good, so these tests come last. Everything that they create ends with it.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import struct
from typing import Callable, Iterator, List

from _cnm.kernel.firewall.conntrack import listing
from _cnm.kernel.rtnl.uapi import NETLINK_NETFILTER
from _cnm.kernel.system.programs import find
from _cnm.resources.firewall import RULESET
from _cnm.resources.link import GROUP

from ..access import run_program
from .finding import Finding, judge

_CLONE_NEWNS, _CLONE_NEWNET = 0x20000, 0x40000000
_OWN = "/proc/self/ns/net"
_MODULES = "apt install linux-modules-extra-$(uname -r) where the distribution has it, or run another kernel."
_ERROR = 2
_DOCKER_RULES = f"""*filter
-N CNM-CHECK
-A CNM-CHECK -m devgroup --src-group {GROUP:#x} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A CNM-CHECK -m devgroup --dst-group {GROUP:#x} -m comment --comment cnm -j ACCEPT
COMMIT
"""


def findings() -> Iterator[Finding]:
    """Yield the finding of each test. Without a namespace of our own, nothing else is tested."""
    problem = _leave()
    yield judge(
        "namespaces",
        "made and mounted",
        problem,
        "Run it as root with CAP_SYS_ADMIN and CAP_NET_ADMIN in the host's own user namespace; in a container, "
        "privileged, or with these and without the seccomp and AppArmor profiles.",
    )
    if problem:
        return
    yield _link("bridge", "cnm-bridge type bridge", "Networks of driver 'bridge' are made of bridges", True)
    yield _link("veth", "cnm-a type veth peer name cnm-b", "Sandboxes are connected by veth pairs", True)
    yield _nft()
    yield _sysctl()
    yield _conntrack()
    yield _link("vxlan", "cnm-vxlan type vxlan id 1 dstport 4789", "Networks that span hosts need vxlan", False)
    yield _link("macvlan", "cnm-macvlan link cnm-a type macvlan", "Networks of driver 'macvlan' need it", False)
    yield _link("ipvlan", "cnm-ipvlan link cnm-b type ipvlan", "Networks of driver 'ipvlan' need it", False)
    yield _link("8021q", "cnm-vlan link cnm-a type vlan id 2", "Parents such as 'eth0.10' need it", False)
    if find("dockerd") is not None:
        yield _docker()


def _leave() -> str:
    """Enter new network and mount namespaces, and give the former a path; return why this failed, or an empty text."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET) == -1:
        number = ctypes.get_errno()
        limit = "; the sysctls 'user.max_*_namespaces' limit their number" if number == errno.ENOSPC else ""
        return f"{os.strerror(number)}{limit}"
    # A /run of our own, where the tests may leave files such as the lock of iptables.
    for argv in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "-t", "tmpfs", "tmpfs", "/run"],
        ["touch", "/run/cnm-check"],
        ["mount", "--bind", _OWN, "/run/cnm-check"],
    ):
        problem = _refusal(argv)
        if problem:
            return problem
    return ""


def _refusal(argv: List[str], stdin: str = "") -> str:
    """Run ARGV and return why it failed; empty if it did not."""
    code, _output, errors = run_program([find(argv[0]) or argv[0], *argv[1:]], stdin)
    if code == 0:
        return ""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line] or lines or [f"status {code}"]
    return telling[0].rstrip(".")


def _link(name: str, wanted: str, use: str, required: bool) -> Finding:
    problem = _refusal(["ip", "link", "add", *wanted.split()])
    return judge(
        name, "made", problem, f"{use}; this kernel cannot create any. Try: modprobe {name}; {_MODULES}", required
    )


def _nft() -> Finding:
    problem = _refusal(["nft", "-f", "-"], RULESET)
    if not problem:
        _code, output, errors = run_program([find("nft") or "nft", "-j", "list", "table", "inet", "cnm"], None)
        try:
            json.loads(output)["nftables"]
        except (ValueError, KeyError, TypeError):
            problem = errors.strip() or "it does not list them as JSON"
    advice = (
        "The rules of all networks are one nft table, which does not load here. "
        f"Try: modprobe -a nf_tables nf_nat nft_chain_nat nft_ct nft_fib_inet nft_masq; {_MODULES}"
    )
    return judge("nft-rules", "loaded and listed", problem, advice)


def _sysctl() -> Finding:
    def write() -> None:
        for name in ("ip_forward", "conf/all/rp_filter"):
            with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as file:
                file.write("1\n")

    advice = (
        "Networks need settings such as forwarding, and '/proc/sys' cannot be written. "
        "In a container: mount -o remount,rw,bind /proc/sys, or run it privileged."
    )
    return judge("sysctls", "written", _failure(write), advice)


def _conntrack() -> Finding:
    def dump() -> None:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as channel:
            channel.send(listing(socket.AF_INET))
            answer = channel.recv(1 << 16)
            kind = struct.unpack_from("=H", answer, 4)[0]
            code = -struct.unpack_from("=i", answer, 16)[0] if kind == _ERROR else 0
            if code:
                raise OSError(code, os.strerror(code))

    advice = (
        "Connections through a published port continue after the port is removed. "
        f"Try: modprobe nf_conntrack_netlink; {_MODULES}"
    )
    return judge("conntrack", "listed", _failure(dump), advice, required=False)


def _docker() -> Finding:
    problem = _refusal(["iptables-restore", "-w", "--noflush"], _DOCKER_RULES)
    advice = (
        "Docker is installed here, and its firewall drops our traffic unless our rules in 'DOCKER-USER' accept it, "
        f"and these cannot be made. Try: apt install iptables; modprobe -a xt_devgroup xt_conntrack; {_MODULES}"
    )
    return judge("docker-user", "rules made", problem, advice)


def _failure(action: Callable[[], None]) -> str:
    try:
        action()
    except OSError as error:
        return error.strerror or str(error)
    return ""
