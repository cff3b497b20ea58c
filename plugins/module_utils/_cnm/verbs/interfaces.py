# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the interfaces in a sandbox."""

from __future__ import annotations

from dataclasses import replace
from typing import Set

from ..drivers import driver
from ..model.endpoint import Endpoint
from ..model.network import Network
from ..model.sandbox import Sandbox
from ..resources.link import LinkKey
from ..resources.resource import only
from .context import Context


def named(context: Context, network: Network, endpoint: Endpoint) -> Endpoint:
    """Return ENDPOINT of NETWORK with a name for its interface, if it joins its sandbox without one."""
    sandbox = context.store.sandbox(endpoint.sandbox) if endpoint.sandbox else None
    if sandbox is None:
        return endpoint
    if endpoint.id in context.nameless:
        endpoint = replace(endpoint, interface=_chosen(context, network, endpoint, sandbox))
        context.nameless.discard(endpoint.id)
    problem = driver(network.driver).interface_problem(network, endpoint)
    if problem:
        raise ValueError(f"interface_name: {problem}")
    ipv6_off = sandbox.ipv6_off(endpoint.interface or "")
    return endpoint if endpoint.ipv6_off == ipv6_off else replace(endpoint, ipv6_off=ipv6_off)


def _chosen(context: Context, network: Network, endpoint: Endpoint, sandbox: Sandbox) -> str:
    """Return the former name of ENDPOINT's interface, or the first name that is free in SANDBOX."""
    own = driver(network.driver).interface(network, endpoint)
    if own is not None:
        return own
    others = context.store.endpoints_of_sandbox(sandbox.id)
    used: Set[str] = {one.interface or "" for one in others if one.id not in context.nameless}
    foreign = context.host.link_names(sandbox.path) if sandbox.netns is not None else set()
    # Interfaces left over from an interrupted run are not in the way.
    foreign -= {key.name for key in only(LinkKey, context.unfinished.keys) if key.namespace == sandbox.path}
    used |= foreign
    if endpoint.interface is not None and endpoint.interface not in used:
        return endpoint.interface
    prefix = driver(network.driver).settings(network.options).interface_prefix
    number = 0
    while f"{prefix}{number}" in used:
        number += 1
    return f"{prefix}{number}"
