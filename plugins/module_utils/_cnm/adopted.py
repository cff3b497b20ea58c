# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the interfaces and namespaces that networks and sandboxes have adopted, and that others make, exist."""

from __future__ import annotations

from typing import Optional, Protocol

from .drivers import driver, spanning
from .model.network import Network
from .model.sandbox import NAMESPACES, Sandbox
from .resources.resource import HOST

_OF_ROOT = (NAMESPACES, f"/var{NAMESPACES}")


class Identifying(Protocol):
    """Identifies namespaces."""

    def namespace_id(self, path: str) -> Optional[str]:
        """Return an identity of the namespace at PATH, or of HOST, unique even after a reboot; None without one."""


class Holding(Identifying, Protocol):
    """Says whether interfaces and namespaces exist."""

    def has_link(self, name: str) -> bool:
        """Say whether the host has an interface called NAME, ours or not."""

    def is_up(self, name: str) -> bool:
        """Say whether the host has an interface called NAME that is up."""

    def is_wireguard(self, name: str) -> bool:
        """Say whether the host's interface called NAME is a tunnel of WireGuard."""

    def has_own_namespace(self, path: str) -> bool:
        """Say whether there is the namespace that was made by us at PATH."""


def lost_device(network: Network, host: Holding) -> str:
    """Return a message if the interface that NETWORK needs, and others create, cannot be used; empty otherwise."""
    borrowed = driver(network.driver).borrowed(network)
    if borrowed is None:
        return ""
    if not host.has_link(borrowed.device):
        return f"{borrowed.description} is gone"
    return f"{borrowed.description} is down" if borrowed.up and not host.is_up(borrowed.device) else ""


def lost_underlay(network: Network, host: Holding) -> str:
    """Return why NETWORK cannot reach other hosts by the interface that it uses; empty if it can."""
    device = network.underlay.device if network.underlay is not None else ""
    if not device:
        return ""
    if not host.has_link(device):
        return f"the interface '{device}', through which it reaches them, is gone"
    if spanning(network.driver).tunnel(network.name, network.options).encrypted and not host.is_wireguard(device):
        return f"it is encrypted, and the interface '{device}', through which it reaches them, is not WireGuard's"
    return ""


def lost_namespace(sandbox: Sandbox, host: Identifying) -> str:
    """Return why the namespace that SANDBOX adopted is missing; empty if it exists, or if it is one of ours.

    A pid may have been reused, and a path may have been redirected to the host's own namespace.
    """
    if sandbox.netns is None:
        return ""
    identity = host.namespace_id(sandbox.path)
    if sandbox.identity is not None:
        return "" if identity == sandbox.identity else "the process whose namespace it adopted has ended"
    if identity is not None and not is_of_host(identity, host):
        return ""
    return f"the network namespace '{sandbox.path}', which it adopted, is gone"


def is_of_host(identity: str, host: Identifying) -> bool:
    """Say whether the namespace with that IDENTITY is the host's own."""
    return identity == host.namespace_id(HOST)


def only_root_redirects(path: str) -> bool:
    """Say whether the namespace at PATH is where ``ip netns`` and container engines mount them, as only root can."""
    return path.rpartition("/")[0] in _OF_ROOT
