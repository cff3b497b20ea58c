# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of etcd that the hosts of a network share, below the prefix.

===============================================  =======================================================
``networks/NETWORK/definition``                  what is the same on all hosts, as JSON
``networks/NETWORK/members/HOST``                a host that has joined: the address of its VTEP, as JSON
``networks/NETWORK/hosts/HOST/ENDPOINT``         a running endpoint, under the lease of its host's agent
``slices/NETWORK/FIRST``                         the host that chooses from the slice that begins with FIRST
``addresses/NETWORK/FIRST/ADDRESS``              the host and endpoint that have ADDRESS of a slice, as JSON
``hosts/HOST``                                   a number that each claim of the host changes
===============================================  =======================================================

A slice is claimed only while none of its addresses is, and an address only while nobody has its slice.

A request that got no answer may be carried out much later. So each claim changes the key of its host, on condition that
nobody has changed it since, and a host that gives up what it may have claimed changes it first.
"""

from __future__ import annotations

import json
from typing import Any, List, NamedTuple, Optional

NETWORKS = "networks/"
SLICES = "slices/"
ADDRESSES = "addresses/"
HOSTS = "hosts/"


class Holder(NamedTuple):
    """Who has an address."""

    host: str
    endpoint: str


def definition(network: str) -> str:
    """Return the key of what is the same on all hosts of NETWORK, a name."""
    return f"{NETWORKS}{network}/definition"


def is_definition(key: str) -> bool:
    """Say whether KEY has what is the same on all hosts of a network."""
    return key.startswith(NETWORKS) and key.endswith("/definition") and key.count("/") == 2


def network_of_member(key: str) -> str:
    """Return the network which a host has joined that KEY is about; empty if it is another key."""
    words = key.split("/")
    return words[1] if key.startswith(NETWORKS) and len(words) == 4 and words[2] == "members" else ""


def members(network: str) -> str:
    """Return what the keys of the hosts of NETWORK begin with."""
    return f"{NETWORKS}{network}/members/"


def publication(network: str, host: str, endpoint: str) -> str:
    """Return the key of the running ENDPOINT of HOST on NETWORK."""
    return f"{NETWORKS}{network}/hosts/{host}/{endpoint}"


def slices(network: str) -> str:
    """Return what the keys of the slices of NETWORK begin with."""
    return f"{SLICES}{network}/"


def addresses(network: str, first: str = "") -> str:
    """Return what the keys of the addresses of NETWORK begin with, or of those in the slice that begins with FIRST."""
    return f"{ADDRESSES}{network}/{first}/" if first else f"{ADDRESSES}{network}/"


def host(name: str) -> str:
    """Return the key that each claim of the host NAME changes."""
    return f"{HOSTS}{name}"


def packed(value: Any) -> bytes:
    """Return VALUE as it is in etcd."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def unpacked(text: bytes) -> Optional[Any]:
    """Return what packed() has made TEXT of; None if it is not from packed()."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def holder(text: bytes) -> Holder:
    """Return who has the address whose key has the value TEXT."""
    fields = unpacked(text)
    parts: List[Any] = [fields.get(each) for each in Holder._fields] if isinstance(fields, dict) else ["?", "?"]
    return Holder(*map(str, parts))
