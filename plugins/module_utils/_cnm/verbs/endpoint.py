# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create, change, join, leave and remove an endpoint that has an item of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Optional, Tuple

from ..model.endpoint import Endpoint
from ..model.ids import check_name
from ..model.network import Network
from ..model.sandbox import Sandbox
from .context import Context, check_absent
from .membership import Wishes, joined, left, read, remove, wanted


def ensure(context: Context, item: Mapping[str, Any]) -> Optional[str]:
    """Bring the endpoint that ITEM describes into its state; return its id, None if it does not exist afterwards."""
    name = item["name"]
    subject = f"Endpoint '{name}'"
    state = item.get("state") or ("joined" if item.get("sandbox") else "present")
    network, existing = _find(context, item, state, subject)
    if state == "absent":
        if existing is not None:
            remove(context, existing)
        else:
            check_absent(context, name, subject)
        return None
    if item.get("sandbox") and state != "joined":
        context.problems.add(f"{subject}: the option sandbox needs state joined, not state {state}.")
    if state == "joined" and not item.get("sandbox"):
        context.problems.add(f"{subject}: state joined needs a sandbox.")
    if existing is None:
        with context.problems.about(subject):
            check_name(name)
    wishes = read(context.problems, item, subject)
    sandbox = context.sandbox(item["sandbox"], subject) if state == "joined" and item.get("sandbox") else None
    if network is None:
        return None
    for key in sorted(item.get("driver_options") or {}):
        context.problems.add(f"{subject}: driver '{network.driver}' has no endpoint option '{key}'.")
    endpoint, possible = wanted(context, network, existing, name, wishes, subject)
    # An endpoint with an item of its own outlives its sandbox.
    if existing is None:
        endpoint = replace(endpoint, reserved=True)
    if possible and state == "left":
        endpoint = replace(left(endpoint), reserved=True)
    elif possible and sandbox is not None:
        endpoint = _joined_by_name(context, endpoint, sandbox, bool(item.get("force")), wishes, subject)
    # State present leaves a joined endpoint in its sandbox, and only renames its interface.
    elif possible and endpoint.sandbox is not None and wishes.interface is not None:
        present = context.store.sandbox(endpoint.sandbox)
        if present is not None:
            endpoint = joined(context, endpoint, present, wishes.interface)
    # Written even if there are problems, although nothing is kept then: later checks may find its addresses taken.
    context.store.put_endpoint(endpoint)
    return endpoint.id if possible else None


def _find(
    context: Context, item: Mapping[str, Any], state: str, subject: str
) -> Tuple[Optional[Network], Optional[Endpoint]]:
    """Return the network that ITEM names, or that its endpoint is on, and the endpoint if it exists."""
    name = item["name"]
    if item.get("network"):
        # A missing network is not an error here: its endpoint is absent already.
        if state == "absent":
            network = None
            with context.problems.about(subject):
                network = context.store.find_network(item["network"])
            if network is None:
                check_absent(context, item["network"], f"{subject}: network")
        else:
            network = context.network(item["network"], subject)
        return network, context.store.endpoint_on(network.id, name) if network else None
    candidates = context.store.endpoints_named(name)
    if len(candidates) == 1:
        return context.store.network(candidates[0].network), candidates[0]
    if candidates:
        names = [network.name for network in (context.store.network(one.network) for one in candidates) if network]
        context.problems.add(
            f"{subject}: endpoints with this name exist on the networks {', '.join(sorted(names))}. Give its network."
        )
    elif state != "absent":
        context.problems.add(f"{subject}: it does not exist yet; give its network.")
    return None, None


def _joined_by_name(
    context: Context, endpoint: Endpoint, sandbox: Sandbox, force: bool, wishes: Wishes, subject: str
) -> Endpoint:
    """Return ENDPOINT joined to SANDBOX, which its item names; unchanged if it may not leave another sandbox."""
    if endpoint.sandbox not in (None, sandbox.id) and not force:
        other = context.store.sandbox(str(endpoint.sandbox))
        context.problems.add(
            f"{subject}: it is in sandbox '{other.name if other else endpoint.sandbox}'. "
            "Let it leave first, or use force: true to move it."
        )
        return endpoint
    if endpoint.sandbox not in (None, sandbox.id):
        # From now on its own item decides, not the list of networks of its former sandbox.
        endpoint = replace(endpoint, declared=False, reserved=True)
    return joined(context, endpoint, sandbox, wishes.interface)
