# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects that are only in the store and not in the kernel, so that there can be many of them at once."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.addresses import mac_of
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.endpoint import Endpoint
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.ids import make_id
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.network import Network, Pool
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.sandbox import Sandbox
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store import FOLDER
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.objects import SqliteStore

_PER_NETWORK = 1000


@contextmanager
def _written() -> Iterator[SqliteStore]:
    store = SqliteStore.open(FOLDER)
    store.begin(write=True)
    yield store
    store.commit()
    store.close()


def unmade_networks(number: int) -> list[Network]:
    """Write NUMBER networks, with the pools of 10.0.0.0/8 from the second one on."""
    made = []
    with _written() as store:
        for each in range(1, number + 1):
            subnet = ipaddress.ip_network(((10 << 24) + (each << 10), 22))
            network = Network(make_id("seed", str(each)), f"seed{each}", "bridge", (Pool(subnet, subnet[1]),))
            store.put_network(network)
            made.append(network)
    return made


def stopped_sandboxes(number: int) -> None:
    """Write NUMBER stopped sandboxes, a thousand per network."""
    networks = unmade_networks(-(-number // _PER_NETWORK))
    with _written() as store:
        for each in range(number):
            network = networks[each // _PER_NETWORK]
            address = network.pools[0].subnet[each % _PER_NETWORK + 2]
            sandbox = Sandbox(make_id("seed", "sandbox", str(each)), f"seed{each}", running=False)
            store.put_sandbox(sandbox)
            store.put_endpoint(
                Endpoint(
                    make_id("seed", "endpoint", str(each)),
                    sandbox.name,
                    network.id,
                    sandbox.id,
                    address,
                    mac=mac_of(address),
                    interface="eth0",
                    declared=True,
                )
            )
