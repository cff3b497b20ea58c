# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what others make is there: the interfaces and namespaces that networks and sandboxes have adopted."""

from __future__ import annotations

from typing import Optional, Protocol

from .drivers import driver
from .model.network import Network
from .model.sandbox import Sandbox


class Identifying(Protocol):
    """What tells namespaces apart."""

    def namespace_id(self, path: str) -> Optional[str]:
        """Return what tells the namespace at PATH from all others, also after a reboot; None if there is none."""


class Holding(Identifying, Protocol):
    """What tells whether that which others make is there."""

    def has_link(self, name: str) -> bool:
        """Say whether the host has an interface called NAME, whosever it is."""

    def has_own_namespace(self, path: str) -> bool:
        """Say whether there is the namespace that was made by us at PATH."""


def lost_device(network: Network, host: Holding) -> str:
    """Return that the interface which NETWORK needs, and others create, is not there; empty if it needs none."""
    borrowed = driver(network.driver).borrowed(network)
    return f"{borrowed.description} is gone" if borrowed is not None and not host.has_link(borrowed.device) else ""


def lost_underlay(network: Network, host: Holding) -> str:
    device = network.underlay.device if network.underlay is not None else ""
    if not device or host.has_link(device):
        return ""
    return f"the interface '{device}', through which it reaches them, is gone"


def lost_namespace(sandbox: Sandbox, host: Identifying) -> str:
    """Return why the namespace that SANDBOX has adopted is not there; empty if it is, or if it is one of ours.

    A pid may be another process's by now, and a path may have been turned to the host's own namespace.
    """
    if sandbox.netns is None:
        return ""
    identity = host.namespace_id(sandbox.path)
    if sandbox.identity is not None:
        return "" if identity == sandbox.identity else "the process whose namespace it adopted has ended"
    if identity is not None and identity != host.namespace_id("/proc/self/ns/net"):
        return ""
    return f"the network namespace '{sandbox.path}', which it adopted, is gone"
