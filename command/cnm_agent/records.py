# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoints in etcd, under the keys of layout.publication()."""

from __future__ import annotations

import json
from typing import NamedTuple, Optional

from _cnm.etcd import layout
from _cnm.etcd.entries import Entry
from _cnm.model.overlay_peer import Remote
from _cnm.verbs.reports import remote_of

_TEXTS = ("name", "ipv4_address", "ipv6_address", "mac_address")


class Parts(NamedTuple):
    """The parts of a key."""

    network: str
    """The name of the network."""
    host: str
    endpoint: str
    """The name of the endpoint."""


class Record(NamedTuple):
    """An endpoint in etcd."""

    network: str
    host: str
    name: str
    endpoint: Optional[Remote]
    """None if the value is not valid."""
    entry: Entry


def parts(text: str) -> Optional[Parts]:
    """Return the parts of the key TEXT; None if it is not that of an endpoint."""
    pieces = text.split("/")
    if len(pieces) != 5 or not text.startswith(layout.NETWORKS) or pieces[2] != "hosts":
        return None
    return Parts(pieces[1], pieces[3], pieces[4])


def record(entry: Entry) -> Optional[Record]:
    """Return the endpoint that ENTRY is about; None if its key is not one of an endpoint."""
    pieces = parts(entry.key)
    return Record(*pieces, _endpoint(pieces.endpoint, entry.value), entry) if pieces is not None else None


def _endpoint(name: str, text: bytes) -> Optional[Remote]:
    try:
        item = json.loads(text)
        aliases = item.get("aliases", []) if isinstance(item, dict) else None
        if not isinstance(aliases, list) or not all(isinstance(each, str) for each in aliases):
            return None
        texts = {each: item[each] for each in _TEXTS if each in item}
        if not all(isinstance(each, str) for each in texts.values()) or texts.get("name") != name:
            return None
        return remote_of({**texts, "aliases": aliases})
    except (ValueError, RecursionError):
        return None
