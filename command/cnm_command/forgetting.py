# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``forget``: removes from etcd what a host has there that is gone for good."""

from __future__ import annotations

from argparse import Namespace
from typing import Dict

from _cnm.etcd import layout
from _cnm.etcd.connection import Connection

from .access import require_root
from .errors import Failure


def forget(options: Namespace) -> int:
    """Remove what the host has in etcd whose name is among OPTIONS, and print the keys; return the exit status.

    :raises Failure: without root, or if there is no such host, or if it is alive
    :raises CnmError: if etcd does not answer
    """
    require_root()
    connection = Connection("What a host has is in etcd")
    try:
        keys = _keys(connection, options.host)
        if not keys:
            raise Failure(f"no host '{options.host}' has anything in etcd.")
        alive = [key for key in connection.below(layout.NETWORKS) if f"/hosts/{options.host}/" in key]
        if alive:
            raise Failure(
                f"host '{options.host}' is alive, and tells of endpoint '{alive[0].rpartition('/')[2]}'. Remove its "
                "networks there."
            )
        done = set(connection.release({layout.host(options.host): "", **keys}))
    finally:
        connection.close()
    for key in sorted(done & keys.keys()):
        print(f"- {key}")
    if not keys.keys() <= done:
        raise Failure("etcd does not answer any more. Run this again.")
    return 0


def _keys(connection: Connection, host: str) -> Dict[str, str]:
    """Return the keys that HOST has, with their values."""
    keys = {}
    for key, entry in {**connection.below(layout.NETWORKS), **connection.below(layout.SLICES)}.items():
        is_member = layout.network_of_member(key) and key.rpartition("/")[2] == host
        if is_member or (key.startswith(layout.SLICES) and entry.value == layout.packed(host)):
            keys[key] = entry.value.decode(errors="surrogateescape")
    for key, entry in connection.below(layout.ADDRESSES).items():
        if layout.holder(entry.value).host == host:
            keys[key] = entry.value.decode(errors="surrogateescape")
    return keys
