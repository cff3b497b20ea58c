# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's end of a tunnel of WireGuard: its key, its peers, its address and its MTU.

Takes a question on standard input, and prints the answer; both are JSON. A question has ``do``, what to do, the name
of the ``interface``, and ``check``, whether nothing may be changed. The answer has ``changed``, sentences that say what
was changed. The private key is read and written here only: no answer has it.

The settings are in /etc/wireguard/INTERFACE.conf, in the form of wg-quick(8), which sets up the interface at boot. An
interface that exists is changed in place.
"""

from __future__ import annotations

import base64
import glob
import ipaddress
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Any, Optional

MARK = "# Written by the role cnm.linux.wireguard.\n"
FOLDER = "/etc/wireguard"
RECORD = "/var/lib/cnm-wireguard/packages.json"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"
OVERHEAD = {4: 60, 6: 80}
"""Bytes of a packet between hosts that WireGuard uses, by family: IP 20 or 40, UDP 8, WireGuard 32."""
USUAL_MTU = 1500

Question = dict[str, Any]
Answer = dict[str, Any]


class Problem(Exception):
    """Something that makes the role stop, in a sentence."""


def run(*argv: str, stdin: str = "") -> str:
    """Return the output of ARGV.

    :raises Problem: if it fails
    """
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C", "PATH": PATH}
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason"]
        raise Problem(f"'{' '.join(argv[:3])}' failed: {said[-1]}.")
    return done.stdout


def has(program: str) -> bool:
    return shutil.which(program, path=PATH) is not None


def kernel_has_wireguard() -> bool:
    if os.path.isdir("/sys/module/wireguard"):
        return True
    with suppress(Problem, OSError):
        run("modprobe", "--dry-run", "--quiet", "wireguard")
        return True
    return False


def links(*options: str) -> list[dict[str, Any]]:
    if not has("ip"):
        return []
    return [each for each in json.loads(run("ip", "-json", "-details", "link", "show", *options) or "[]") if each]


class Settings:
    """The file with the settings of an interface, as the role writes it."""

    def __init__(self, interface: str) -> None:
        self.path = f"{FOLDER}/{interface}.conf"
        self.next_key_path = f"{FOLDER}/{interface}.next"
        """Has the key that replaces the present one, while the hosts tell each other their new keys."""
        self.text = read(self.path)

    @property
    def is_ours(self) -> bool:
        return self.text is not None and self.text.startswith(MARK)

    @property
    def key(self) -> str:
        """The private key; empty if there is none."""
        match = re.search(r"^PrivateKey = (.+)$", self.text or "", re.MULTILINE)
        return match[1] if match else ""

    @property
    def peers(self) -> dict[str, str]:
        """The public keys of the peers, by name."""
        return dict(re.findall(r"^# (\S+)\n\[Peer\]\nPublicKey = (.+)$", self.text or "", re.MULTILINE))


def read(path: str) -> Optional[str]:
    """Return the text of the file at PATH; None if there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path: str, text: str) -> None:
    """Replace the file at PATH, which only root can read."""
    new = f"{path}.new"
    with suppress(FileNotFoundError):
        os.remove(new)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(new, path)


def new_key() -> str:
    """Return a new private key (RFC 7748 section 5: the bits that are always set, and those that never are)."""
    number = bytearray(os.urandom(32))
    number[0] &= 248
    number[31] = number[31] & 127 | 64
    return base64.b64encode(number).decode()


def public(key: str) -> str:
    return run("wg", "pubkey", stdin=key).strip()


# What to do


def look(asked: Question) -> Answer:
    """Return which packages are missing, and why the role cannot do what is ASKED, without changing anything."""
    settings = Settings(asked["interface"])
    exists = asked["interface"] in {each["ifname"] for each in links()}
    recorded = json.loads(read(RECORD) or "[]")
    answer: Answer = {"changed": [], "ours": settings.is_ours, "recorded": recorded, "problems": [], "missing": []}
    if asked["wanted"]:
        answer["problems"] = list(variables(asked)) + list(occupied(asked, settings, exists))
        answer["missing"] = [] if has("wg") and has("wg-quick") else ["wireguard-tools"]
        answer["missing"] += [] if kernel_has_wireguard() or has("wireguard-go") else ["wireguard-go"]
    elif settings.is_ours:
        tunnels = {each["ifname"]: each["linkinfo"]["info_data"] for each in links("type", "vxlan")}
        over = [name for name, data in tunnels.items() if data.get("link") == asked["interface"]]
        if over:
            answer["problems"] = [
                f"The VXLAN device '{over[0]}' sends through '{asked['interface']}'. Remove its network from this host "
                "first."
            ]
    if not asked["wanted"]:
        others = set(glob.glob(f"{FOLDER}/*.conf")) - {settings.path}
        answer["removable"] = [] if others else recorded
    return answer


def variables(asked: Question) -> Any:
    """Yield what is wrong with the variables that are ASKED for."""
    if not re.fullmatch(r"[A-Za-z0-9_=+.-]{1,15}", asked["interface"]):
        yield f"cnm_wireguard_interface '{asked['interface']}' is not a name for an interface that wg-quick accepts."
    if not 0 <= asked["keepalive"] <= 65535:
        yield f"cnm_wireguard_keepalive {asked['keepalive']} is not a number of seconds from 0 to 65535."
    if asked["mtu"] and not 576 <= asked["mtu"] <= 65535:
        yield f"cnm_wireguard_mtu {asked['mtu']} is not a number of bytes from 576 to 65535."
    own: Any = None
    held: dict[Any, str] = {}
    for host in (asked["own"], *asked["peers"]):
        name = host["name"]
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            yield f"The name '{name}' of a host has a character other than letters, digits, '.', '_' and '-'."
        if not 1 <= int(host["port"]) <= 65535:
            yield f"cnm_wireguard_port of '{name}' is not a UDP port, a number from 1 to 65535."
        if not re.fullmatch(r"[A-Za-z0-9.:_-]*", host["endpoint"]):
            yield f"cnm_wireguard_endpoint of '{name}' is neither an address nor a DNS name."
        try:
            address = ipaddress.ip_interface(host["address"])
            if "/" not in host["address"]:
                raise ValueError
        except ValueError:
            yield (
                f"cnm_wireguard_address of '{name}' is '{host['address']}', and not an address with a prefix length, "
                "such as 10.254.0.1/24."
            )
            continue
        own = own or address
        if address.ip in held:
            yield f"cnm_wireguard_address {address.ip} is that of '{held[address.ip]}' and of '{name}'."
        elif address.ip not in own.network:
            yield f"cnm_wireguard_address {address.ip} of '{name}' is not in {own.network}, the subnet of this host's."
        held[address.ip] = name


def occupied(asked: Question, settings: Settings, exists: bool) -> Any:
    """Yield what somebody else already has on the host."""
    name = asked["interface"]
    if settings.text is not None and not settings.is_ours:
        yield f"{settings.path} is not the role's. Give another name by cnm_wireguard_interface."
    elif exists and settings.text is None:
        yield f"There is an interface '{name}' that is not the role's. Give another name by cnm_wireguard_interface."
    elif not exists:
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                with socket.socket(family, socket.SOCK_DGRAM) as one:
                    one.bind(("", int(asked["own"]["port"])))
            except (OSError, OverflowError) as error:
                if getattr(error, "errno", None) == 98:  # EADDRINUSE
                    yield f"UDP port {asked['own']['port']} is in use. Give another one by cnm_wireguard_port."
                    return


def key(asked: Question) -> Answer:
    """Ensure a private key; return the public one, which is empty in check mode if the key is still to be made.

    With ``rotate``, a new key is made, which the interface gets by ``apply``.
    """
    settings = Settings(asked["interface"])
    changed = []
    if not settings.key:
        changed.append("A private key was made.")
        if asked["check"]:
            return {"changed": changed, "public": ""}
        own = new_key()
        write(settings.path, f"{MARK}[Interface]\nPrivateKey = {own}\n")
        return {"changed": changed, "public": public(own)}
    if asked["rotate"]:
        changed.append("A new private key was made.")
        if asked["check"]:
            return {"changed": changed, "public": public(settings.key)}
        write(settings.next_key_path, new_key())
        return {"changed": changed, "public": public(read(settings.next_key_path) or "")}
    if not asked["check"]:
        with suppress(FileNotFoundError):
            os.remove(settings.next_key_path)
    return {"changed": changed, "public": public(settings.key)}


def apply(asked: Question) -> Answer:
    """Bring the settings into the form that is ASKED for, and the interface, if it exists, into agreement with them."""
    settings = Settings(asked["interface"])
    new = read(settings.next_key_path) if asked["rotate"] else None
    before = settings.peers
    peers, unknown = [], []
    for peer in asked["peers"]:
        known = peer["key"] or before.get(peer["name"], "")
        if known:
            peers.append({**peer, "key": known})
        else:
            unknown.append(peer["name"])
    mtu = asked["mtu"] or usual_mtu(peers)
    lines = wireguard_settings(new or settings.key, asked, peers)
    text = MARK + "\n".join(quick_settings(lines, asked["own"]["address"], mtu)) + "\n"
    changed = [f"Peer '{name}' was added." for name in (peer["name"] for peer in peers) if name not in before]
    changed += [f"Peer '{name}' was removed." for name in before if name not in {peer["name"] for peer in peers}]
    changed += [f"Peer '{p['name']}' has another key." for p in peers if before.get(p["name"], p["key"]) != p["key"]]
    rewritten = text != settings.text
    if rewritten and not changed:
        changed.append("The settings were changed.")
    if rewritten and not asked["check"]:
        write(settings.path, text)
        with suppress(FileNotFoundError):
            os.remove(settings.next_key_path)
    interfaces = [each for each in links() if each["ifname"] == asked["interface"]]
    if interfaces and (new or settings.key):
        changed += brought_into_agreement(asked, interfaces[0], lines, peers, mtu, rewritten)
    return {"changed": changed, "up": bool(interfaces), "unknown": unknown}


def wireguard_settings(private: str, asked: Question, peers: list[dict[str, Any]]) -> list[str]:
    """Return the lines of settings that wg(8) has."""
    lines = ["[Interface]", f"PrivateKey = {private}", f"ListenPort = {asked['own']['port']}"]
    for peer in peers:
        lines += ["", f"# {peer['name']}", "[Peer]", f"PublicKey = {peer['key']}", f"AllowedIPs = {only(peer)}"]
        if peer["endpoint"]:
            host = f"[{peer['endpoint']}]" if ":" in peer["endpoint"] else peer["endpoint"]
            lines.append(f"Endpoint = {host}:{peer['port']}")
        if asked["keepalive"]:
            lines.append(f"PersistentKeepalive = {asked['keepalive']}")
    return lines


def quick_settings(lines: list[str], address: str, mtu: int) -> list[str]:
    """Return LINES with those that wg-quick(8) has in addition. The subnet of ADDRESS is the only route."""
    return [lines[0], f"Address = {address}", f"MTU = {mtu}", "Table = off", *lines[1:]]


def only(peer: dict[str, Any]) -> str:
    """Return the address that PEER sends from, as a subnet."""
    return str(ipaddress.ip_network(ipaddress.ip_interface(peer["address"]).ip))


def usual_mtu(peers: list[dict[str, Any]]) -> int:
    """Return the largest MTU with which packets fit on the way to each of PEERS."""
    ways = []
    for peer in (each for each in peers if each["endpoint"]):
        with suppress(OSError, Problem, ValueError, KeyError, IndexError):
            way = socket.getaddrinfo(peer["endpoint"], int(peer["port"]), type=socket.SOCK_DGRAM)[0]
            route = json.loads(run("ip", "-json", "route", "get", str(way[4][0])))[0]
            device = {each["ifname"]: each["mtu"] for each in links()}[route["dev"]]
            ways.append(device - OVERHEAD[6 if way[0] == socket.AF_INET6 else 4])
    return min(ways or [USUAL_MTU - OVERHEAD[6]])


def brought_into_agreement(
    asked: Question, link: dict[str, Any], lines: list[str], peers: list[dict[str, Any]], mtu: int, rewritten: bool
) -> list[str]:
    """Bring the interface LINK into agreement with the settings, without an interruption; return what was changed."""
    name, changed = asked["interface"], []
    wanted = {peer["key"]: (only(peer), str(asked["keepalive"] or "off")) for peer in peers}
    private = lines[1].split(" = ")[1]
    if rewritten or listed(name) != (private, str(asked["own"]["port"]), wanted):
        changed.append("The interface got its keys and peers.")
        if not asked["check"]:
            run("wg", "syncconf", name, "/dev/stdin", stdin="\n".join(lines) + "\n")
    if link["mtu"] != mtu:
        changed.append(f"The interface got an MTU of {mtu} bytes.")
        if not asked["check"]:
            run("ip", "link", "set", "dev", name, "mtu", str(mtu))
    shown = json.loads(run("ip", "-json", "address", "show", "dev", name))
    there = [
        f"{a['local']}/{a['prefixlen']}" for each in shown for a in each.get("addr_info", ()) if a["scope"] == "global"
    ]
    address = str(ipaddress.ip_interface(asked["own"]["address"]))
    if there != [address] or "UP" not in link["flags"]:
        changed.append(f"The interface got the address {address}.")
        if not asked["check"]:
            for other in there:
                if other != address:
                    run("ip", "address", "delete", other, "dev", name)
            run("ip", "address", "replace", address, "dev", name)
            run("ip", "link", "set", "dev", name, "up")
    return changed


def listed(name: str) -> tuple[str, str, dict[str, tuple[str, str]]]:
    """Return the private key and the port of the interface NAME, and its peers by public key: subnets and keepalive."""
    own, *peers = [line.split("\t") for line in run("wg", "show", name, "dump").splitlines()]
    return own[0], own[2], {peer[0]: (peer[3], peer[7]) for peer in peers}


def main() -> None:
    asked = json.load(sys.stdin)
    # ansible-core before 2.19 gives numbers as texts.
    asked.update(mtu=int(asked["mtu"]), keepalive=int(asked["keepalive"]))
    try:
        answer = {"look": look, "key": key, "apply": apply}[asked["do"]](asked)
    except Problem as problem:
        answer = {"changed": [], "problem": str(problem)}
    except (OSError, KeyError, ValueError) as error:
        answer = {"changed": [], "problem": f"The tunnel was not set up: {type(error).__name__}: {error}."}
    print(json.dumps(answer))


main()
