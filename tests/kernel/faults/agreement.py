# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything of ours on a host, and whether it agrees with the store, in both directions."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from programs import Programs, nft

from ansible_collections.cnm.linux.plugins.module_utils._cnm.composition.host_resources import APART_UNIT
from ansible_collections.cnm.linux.plugins.module_utils._cnm.composition.units import Composition
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel import ownership
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall import table as firewall
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl import address, interface, route
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.interface import LEAVING
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system.dhcp_client import FOLDER as CLIENTS
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system.dhcp_client import SCRIPTS
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system.text_block import BEGIN
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.dns import RECORDS
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.link import GROUP, Link
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import HOST, Key, Resource
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.objects import SqliteStore

STORE, NAMESPACES, FILES, MEMORY = "/var/lib/cnm", "/run/netns", "/etc/netns", "/run/cnm"
FORWARDING = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv6/conf/uplink/accept_ra")
_LINK_LOCAL = "fe80:"


@dataclass
class Holdings:
    """Everything that a host holds, in a form that can be compared."""

    links: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict)
    """By namespace and name."""
    addresses: set[tuple[str, str, str]] = field(default_factory=set)
    routes: set[tuple[str, str, str, str]] = field(default_factory=set)
    namespaces: set[str] = field(default_factory=set)
    elements: set[tuple[str, ...]] = field(default_factory=set)
    rules: Counter[str] = field(default_factory=Counter)
    files: dict[str, str] = field(default_factory=dict)
    mounts: set[str] = field(default_factory=set)
    settings: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[Any]] = field(default_factory=dict)

    def against(self, other: "Holdings") -> str:
        """Return how this differs from OTHER, part by part; empty if it does not."""
        return "\n".join(
            f"{name}: {_without(getattr(self, name), getattr(other, name))!s:.400}\n"
            f"    not {_without(getattr(other, name), getattr(self, name))!s:.400}"
            for name in vars(self)
            if getattr(self, name) != getattr(other, name)
        )


def _without(one: Any, other: Any) -> Any:
    """Return what is in ONE and not in OTHER."""
    if isinstance(one, dict):
        return {
            key: _without(value, other[key]) if isinstance(value, list) and key in other else value
            for key, value in one.items()
            if other.get(key) != value
        }
    return [each for each in one if each not in other] if isinstance(one, list) else one - other


def holdings(programs: Programs, adopted: Iterable[str] = ()) -> Holdings:
    """Return what the host holds. ADOPTED are namespaces outside the usual folder."""
    present = Holdings()
    present.namespaces = {f"{NAMESPACES}/{name}" for name in os.listdir(NAMESPACES)}
    with Kernel(programs) as kernel:
        for space in (HOST, *sorted(present.namespaces), *adopted):
            _read_namespace(present, kernel, space)
    _read_rules(present)
    for folder, pattern in ((FILES, "*"), (MEMORY, "*"), (STORE, "*"), ("/run", "cnm-dns*"), (RECORDS, "*")):
        for path in sorted(Path(folder).rglob(pattern)):
            # The lock stays, the name server's pid is always different, and the files beside the store are SQLite's own
            # business.
            if path.name.startswith("cnm.db") or path.name in ("lock", "aardvark.pid"):
                continue
            # This cache may be missing while our table exists, but must be removed with the table.
            if path.name in ("listings.json", "listings.json.new") and any('"cnm"' in rule for rule in present.rules):
                continue
            present.files[str(path)] = _text(path)
    # The contents are different each time: a pid, and an address, which the store has, too.
    present.files.update((str(path), "of a DHCP client") for path in Path(CLIENTS).rglob("*"))
    mounts = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    # This folder becomes a mount point once and stays one, as with 'ip netns'.
    present.mounts = set(mounts) - {NAMESPACES}
    present.settings = {name: Path("/proc/sys", name).read_text().strip() for name in FORWARDING}
    present.rows = _rows()
    return present


def _text(path: Path) -> str:
    if path.is_symlink():
        return "a link"  # Its target, which identifies a namespace, is different each time.
    return path.read_text().rstrip("\n") if path.is_file() else "a folder"


def _read_namespace(present: Holdings, kernel: Kernel, space: str) -> None:
    socket = kernel._namespaces.find(space)
    if socket is None:
        return
    links = {each.index: each for each in interface.dump(socket)}
    for each in links.values():
        master = links[each.master].name if each.master in links else ""
        modes = (each.isolated, each.hairpin, each.learning)
        present.links[space, each.name] = (each.type, each.mtu, each.up, each.group, master, bool(each.peer), *modes)
        for given in address.of_link(socket, each.index):
            if not given.startswith(_LINK_LOCAL):
                present.addresses.add((space, each.name, given))
    for entry in route.dump(socket, skip_own=True):
        name = links[entry.link].name if entry.link in links else ""
        present.routes.add((space, entry.destination, entry.gateway, name))


def _read_rules(present: Holdings) -> None:
    listed = json.loads(nft(["-j", "--stateless", "list", "ruleset"], None)[1])["nftables"]
    for each in listed:
        for kind, body in each.items():
            if kind == "metainfo":
                continue
            table = (body["family"], body.get("table") or body["name"])
            if table == ("inet", "cnm"):
                present.elements |= {element.key for element in firewall._elements([each])}
                body.pop("elem", None)
            body.pop("handle", None)
            present.rules[json.dumps([kind, body], sort_keys=True)] += 1


def _rows() -> dict[str, list[Any]]:
    path = f"{STORE}/cnm.db"
    if not os.path.exists(path):
        return {}
    store = sqlite3.connect(path)
    try:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(store.execute(f"SELECT * FROM {name}").fetchall()) for name in tables}
    finally:
        store.close()


def disagreement(programs: Programs, present: Holdings) -> list[str]:
    """Return what differs between the store and PRESENT, what the host holds, in both directions."""
    wanted, problems = _wanted(programs)
    ends = {link.peer.name for link in wanted.values() if isinstance(link, Link) and link.peer}
    ours = {place for place, link in present.links.items() if link[3] in (GROUP, LEAVING)}
    extra: list[Any] = [
        place for place in ours if ("link", *place) not in wanted and place not in {(HOST, e) for e in ends}
    ]
    extra += [place for place in present.addresses if place[:2] in ours and ("address", *place) not in wanted]
    extra += [one for one in present.routes if (one[0], one[3]) in ours and one[:2] not in {key[1:3] for key in wanted}]
    noted = {path for path in present.namespaces if ownership.is_noted(path)}
    extra += [path for path in noted if ("namespace", path) not in wanted]
    extra += [key for key in present.elements if key not in wanted]
    if not any(key[0] == "ruleset" for key in wanted):
        extra += [rule for rule in present.rules if '"cnm"' in rule]
        marks = {ownership._place(key[1]) for key in wanted if key[0] == "namespace"}
        extra += [path for path in present.files if path.startswith(f"{MEMORY}/") and path not in marks]
    extra += [
        path
        for path, text in present.files.items()
        if path.startswith(f"{RECORDS}/") and ("records", path) not in wanted
    ]
    asking = {key[2] for key in wanted if key[0] == "dhcp-client"}
    extra += [
        path
        for path in present.files
        if path.startswith(f"{CLIENTS}/") and not (Path(path).stem in asking or (asking and Path(path).name in SCRIPTS))
    ]
    extra += [path for path, text in present.files.items() if BEGIN in text and ("file", path) not in wanted]
    extra += [path for path in present.files if path.startswith(STORE)]
    extra += [path for path, text in present.files.items() if text == "a folder" and not _is_used(path, wanted)]
    return problems + [f"nobody wants {one}" for one in extra] + _claims(present.rows)


def _is_used(folder: str, wanted: dict[Key, Resource]) -> bool:
    return any(key[0] in ("file", "records") and key[1].startswith(f"{folder}/") for key in wanted)


def _wanted(programs: Programs) -> tuple[dict[Key, Resource], list[str]]:
    """Return what the host should have according to the store, and what of it is missing or different."""
    if not os.path.exists(f"{STORE}/cnm.db"):
        return {}, []
    store = SqliteStore.open(STORE)
    try:
        with Kernel(programs) as kernel:
            composition = Composition(store, kernel.facts)
            units = composition.everything()
            wanted = {one.key: one for unit in units for one in composition.resources(unit)}
            present = kernel.read(wanted)
            missing = [one for key, one in wanted.items() if key not in present or not one.satisfied_by(present[key])]
            needing = units | ({APART_UNIT} if composition.host_resources.in_use else set())
            kept = [f"setting {name}" for name, setting in store.settings().items() if setting.unit not in needing]
    finally:
        store.close()
    return wanted, [f"{one} is {present.get(one.key)}, and should be {one!r}" for one in missing] + kept


def _claims(rows: dict[str, list[Any]]) -> list[str]:
    """Return claims of objects that do not exist, and values of objects that are not claimed."""
    if not rows:
        return []
    known = {kind: {row[0] for row in rows[kind]} for kind in ("network", "endpoint", "sandbox")}
    lost = [row for row in rows["address"] if row[3] not in known["endpoint"] or row[0] not in known["network"]]
    lost += [row for row in rows["port"] if row[2] not in known["endpoint"]]
    lost += [row for row in rows["pool"] if row[0] not in known["network"]]
    lost += [row[:4] for row in rows["endpoint"] if row[2] not in known["network"]]
    lost += [row[:4] for row in rows["endpoint"] if row[3] and row[3] not in known["sandbox"]]
    objects = [json.loads(row[4]) for row in rows["endpoint"]]
    addresses = [each[version] for each in objects for version in ("ipv4", "ipv6") if each[version]]
    ports = [port for each in objects for port in each["ports"] if port["host_port"]]
    if (len(addresses), len(ports)) != (len(rows["address"]), len(rows["port"])):
        lost += [*addresses, *ports]
    return [f"not claimed, or claimed for nothing: {one}" for one in lost]
