# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a host, read without the core, so that two states can be compared."""

from __future__ import annotations

import ipaddress
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

from stand_in import Host
from tasks import Tasks, listed, setting

STORE, CONFIGURATION, NAMESPACES = "/var/lib/cnm", "/etc/netns", "/run/netns"
FORWARDING = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")


def inventory(host: Host) -> dict[str, Any]:
    """Return the links, addresses and routes of all namespaces, and the rules, mounts, settings and files."""
    contents: dict[str, Any] = {
        place or "host": _network(host, place) for place in ("", *sorted(os.listdir(NAMESPACES)))
    }
    contents["rules"] = _rules(host)
    contents["forwarding"] = [setting(name) for name in FORWARDING]
    contents["files"] = {
        str(path): path.read_text().rstrip("\n") for path in sorted(Path(CONFIGURATION).rglob("*")) if path.is_file()
    } | {"folders": sorted(os.listdir(CONFIGURATION))}
    mounts = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    # This folder becomes a mount point once and stays one, as with 'ip netns'.
    contents["mounts"] = sorted(mounts - {NAMESPACES})
    return contents


def _network(host: Host, place: str) -> dict[str, Any]:
    links = listed(host, "ip", "-details", "address", place=place)
    routes = [route for version in "46" for route in listed(host, "ip", f"-{version}", "route", place=place)]
    return {
        "links": sorted(
            (
                each["ifname"],
                each["mtu"],
                each["group"],
                each.get("master", ""),
                "UP" in each["flags"],
                [each.get("linkinfo", {}).get("info_slave_data", {}).get(mode) for mode in ("isolated", "hairpin")],
            )
            for each in links
        ),
        # The kernel adds link-local addresses as soon as it notices a carrier.
        "addresses": sorted(
            (each["ifname"], address["local"], address["prefixlen"])
            for each in links
            for address in each["addr_info"]
            if not ipaddress.ip_address(address["local"]).is_link_local
        ),
        "routes": sorted(
            (route["dst"], route.get("gateway", ""), route.get("dev", ""), route.get("type", ""))
            for route in routes
            if route["dst"] != "fe80::/64"
        ),
    }


def _rules(host: Host) -> list[str]:
    """Return the rules, with tables and set elements sorted."""
    rules = []
    for each in json.loads(host.out(["nft", "-j", "--stateless", "list", "ruleset"]))["nftables"]:
        for kind, body in each.items():
            if kind != "metainfo":
                body.pop("handle", None)
                body["elem"] = sorted(map(json.dumps, body.get("elem", ())))
                table = f"{body['family']} {body.get('table') or body['name']}"
                rules.append((table, f"{kind} {json.dumps(body, sort_keys=True)}"))
    return [text for _table, text in sorted(rules, key=lambda each: each[0])]


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the parts in which the two inventories differ."""
    names = {*before, *after}
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def nothing_left(tasks: Tasks, before: dict[str, Any]) -> bool:
    """Check that the host is as BEFORE, and that the store contains only the networks that always exist."""
    after = inventory(tasks.host)
    assert difference(before, after) == {}
    left = rows()
    assert sorted(row[1] for row in left.pop("network")) == ["bridge", "host", "none"]
    pools = left.pop("pool")
    assert len(pools) == 1, "the pool of network bridge"
    assert not any(left.values()), left
    assert not {path.name for path in Path(STORE).iterdir()} & {"intent.json", "intent.json.new"}
    assert os.listdir("/run/cnm") == []
    return True


def rows() -> dict[str, list[Any]]:
    """Return the rows of the store's tables, after checking the store's integrity."""
    (path,) = [each for each in Path(STORE).iterdir() if each.read_bytes()[:6] == b"SQLite"]
    store = sqlite3.connect(path)
    try:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: store.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
    finally:
        store.close()
