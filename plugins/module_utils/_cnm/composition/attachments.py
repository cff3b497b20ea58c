# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks that a sandbox is on."""

from __future__ import annotations

from typing import Iterable, List, Set

from ..drivers import driver
from ..resources.routes import Attachment, gateway_order
from ..store.queries import Queries


def attachments(store: Queries, sandbox: str) -> List[Attachment]:
    """Return the attachments of the sandbox with that id, in the order in which they give default routes."""
    pairs = []
    for endpoint in store.endpoints_of_sandbox(sandbox):
        network = store.network(endpoint.network)
        if network is not None:
            pairs.append((network, endpoint))
    return gateway_order(pairs)


def has_host_stack(pairs: Iterable[Attachment]) -> bool:
    """Say whether a sandbox with the attachments PAIRS has the host's network stack."""
    return any(driver(network.driver).in_host_namespace for network, _endpoint in pairs)


def direct(pairs: Iterable[Attachment]) -> Set[str]:
    """Return the ids of those networks of the attachments PAIRS whose links lead everywhere without a gateway."""
    return {network.id for network, _endpoint in pairs if driver(network.driver).is_direct(network)}
