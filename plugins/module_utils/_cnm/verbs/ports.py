# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ports that an endpoint is to publish; `host_ports` chooses their ports on the host."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, List, Sequence, Set, Tuple

from ..drivers import driver
from ..model.endpoint import Endpoint, Port
from ..model.network import Network
from .context import Context


def assign(
    context: Context, network: Network, endpoint: Endpoint, wishes: Sequence[Port], subject: str
) -> Tuple[Port, ...]:
    """Return the ports of ENDPOINT that fulfil its WISHES: it keeps ports that fit, and gets others.

    Open host ports are chosen when all items have been read.
    """
    assigned: List[Port] = []
    known: Set[Port] = set()
    # A port that meets a wish differs from it in its host port at most.
    spare: Dict[Port, List[Port]] = {}
    for port in endpoint.ports:
        spare.setdefault(replace(port, host_port=None), []).append(port)
    reason = driver(network.driver).unpublishable(network)
    for wish in particular_first(wishes):
        alike = spare.get(replace(wish, host_port=None), [])
        present = next((port for port in alike if port.meets(wish)), None)
        if present is not None:
            alike.remove(present)
            assigned.append(present)
            known.add(present)
        elif reason:
            context.problems.add(f"{subject}: published port '{wish}': {reason}")
        elif wish.host_port is None or wish not in known:
            assigned.append(wish)
            known.add(wish)
            context.published.append((endpoint.id, wish, subject))
    return tuple(assigned)


def resume(context: Context, endpoint: Endpoint, subject: str) -> None:
    """Have the ports of ENDPOINT checked again, because a process on the host may have taken them in the meantime."""
    context.published += [(endpoint.id, port, subject) for port in endpoint.ports if port.host_port is not None]


def particular_first(wishes: Iterable[Port]) -> List[Port]:
    """Return WISHES, those for a certain host port first: a wish for any port must not use up that port."""
    return sorted(wishes, key=lambda wish: wish.host_port is None)
