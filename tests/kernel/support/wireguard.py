# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tunnels of WireGuard between the hosts of a fleet, with the program of the role, and what is on the wire."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from fleet import Fleet, Member
from needed import needs

from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers.overlay_options import ENCRYPTED, VTEP

PROGRAM = Path(__file__).resolve().parents[3] / "roles" / "wireguard" / "files" / "tunnel.py"
INTERFACE = "wg-cnm"
SETTINGS = Path(f"/etc/wireguard/{INTERFACE}.conf")
PORT = 51820

KERNEL_HAS_IT = os.path.isdir("/sys/module/wireguard") or (
    shutil.which("modprobe") is not None
    and subprocess.run(["modprobe", "--dry-run", "--quiet", "wireguard"], check=False).returncode == 0
)
"""Otherwise wg-quick starts wireguard-go."""

needs_wireguard = needs("wireguard-tools wireguard-go", "wg", "wg-quick", *([] if KERNEL_HAS_IT else ["wireguard-go"]))


def inner(member: Member) -> str:
    """Return the address of MEMBER in the tunnel."""
    return f"10.254.0.{member.number}"


class Tunnels:
    """The ends of the tunnel on hosts, each with the others as its peers."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = list(members)
        self.family = 4

    def ask(self, member: Member, do: str, keys: Any = (), **more: Any) -> Any:
        """Return what the program of the role answers on MEMBER. KEYS are the known public ones, by name."""
        question = {
            "do": do,
            "interface": INTERFACE,
            "check": False,
            "wanted": True,
            "rotate": False,
            "mtu": 0,
            "keepalive": 0,
            "own": self.host(member),
            "peers": [
                self.host(other, dict(keys).get(other.name, "")) for other in self.members if other is not member
            ],
            **more,
        }
        with member.here():
            argv = [sys.executable, str(PROGRAM)]
            done = subprocess.run(argv, input=json.dumps(question), capture_output=True, text=True, check=True)
            private = re.findall("^PrivateKey = (.+)$", SETTINGS.read_text(), re.M) if SETTINGS.exists() else []
        assert not any(each in done.stdout + done.stderr for each in private), "the private key stays on the host"
        return json.loads(done.stdout)

    def host(self, member: Member, key: str = "") -> dict[str, Any]:
        """Return what the program is told about MEMBER, which has the public KEY."""
        return {
            "name": member.name,
            "address": f"{inner(member)}/24",
            "endpoint": member.vtep[self.family],
            "port": PORT,
            "key": key,
        }

    def run(self, *limit: Member, **more: Any) -> dict[str, list[str]]:
        """Do on the hosts of LIMIT, or on all, what the role does; return by host what was changed."""
        chosen = limit or tuple(self.members)
        first = {each: self.ask(each, "key", **more) for each in chosen}
        keys = {each.name: answer["public"] for each, answer in first.items()}
        changed = {}
        for each in chosen:
            answer = self.ask(each, "apply", keys, **more)
            assert "problem" not in answer, answer
            changed[each.name] = first[each]["changed"] + answer["changed"]
            if not answer["up"] and not more.get("check"):
                self.up(each)
        return changed

    def up(self, member: Member) -> None:
        """Set up the interface, as the unit does at boot."""
        member.run("wg-quick", "up", INTERFACE)

    def down(self, member: Member) -> None:
        """Remove the interface. If WireGuard is a process, it ends."""
        member.run("ip", "link", "delete", INTERFACE, check=False)

    def close(self) -> None:
        for member in self.members:
            self.down(member)


@contextmanager
def tunnels(*members: Member) -> Iterator[Tunnels]:
    made = Tunnels(members)
    try:
        yield made
    finally:
        made.close()


def encrypted(fleet: Fleet, member: Member, name: str, subnets: Sequence[str], **options: Any) -> dict[str, Any]:
    """Return the item for an encrypted network that MEMBER gets."""
    network = fleet.item(member, name, subnets)
    network["driver_options"] = {ENCRYPTED: True, **options, VTEP: inner(member)}
    network["peers"] = [{"name": other.name, "address": inner(other)} for other in fleet.members if other is not member]
    return network


class Wire(NamedTuple):
    """What was on the wire."""

    clear: list[int]
    """The VNIs of VXLAN packets."""
    hidden: list[int]
    """The lengths of packets of WireGuard."""


@contextmanager
def wire(fleet: Fleet, port: int = 4789) -> Iterator[Wire]:
    """Yield what is on the switch of FLEET until the block ends; it is known when the block has ended."""
    seen = Wire([], [])
    with fleet.switch.here():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
    with tap:
        tap.setsockopt(socket.SOL_SOCKET, 33, 1 << 25)  # SO_RCVBUFFORCE
        tap.setblocking(False)
        yield seen
        with suppress(BlockingIOError):
            while True:
                _add(tap.recv(65536), port, seen)


def _add(frame: bytes, port: int, seen: Wire) -> None:
    (kind,) = struct.unpack_from("!H", frame, 12)
    if kind == 0x0800 and frame[23] == socket.IPPROTO_UDP:
        begin = 14 + (frame[14] & 15) * 4
    elif kind == 0x86DD and frame[20] == socket.IPPROTO_UDP:
        begin = 54
    else:
        return
    (target,) = struct.unpack_from("!H", frame, begin + 2)
    if target == port:
        seen.clear.append(int.from_bytes(frame[begin + 12 : begin + 15], "big"))
    elif target == PORT:
        seen.hidden.append(len(frame))
