# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The noun Sandbox: a network stack that holds many endpoints from many networks."""

from __future__ import annotations

from typing import Mapping, Optional, Tuple

from .static_route import StaticRoute
from .value import field, value

NAMESPACES = "/run/netns"
"""Where ``ip netns`` looks for network namespaces."""

CONFIGURATION = "/etc/netns"
"""Where ``ip netns exec`` looks for files to bind over those in /etc."""

HOST_GATEWAY = "host-gateway"
"""In place of an address in ``etc_hosts``: the host, as Docker calls it."""


@value
class Sandbox:
    """A network stack: a namespace with interfaces, routes, names."""

    id: str
    name: str
    netns: Optional[str] = None
    """The path of the namespace, if it was adopted; None if it is ours."""
    identity: Optional[str] = None
    """Identity of a namespace adopted by pid, because the pid may be reused. None if it was adopted by path."""
    running: bool = True
    hostname: Optional[str] = None
    domainname: Optional[str] = None
    dns_servers: Optional[Tuple[str, ...]] = None
    """None for those of the host."""
    dns_search_domains: Optional[Tuple[str, ...]] = None
    dns_opts: Optional[Tuple[str, ...]] = None
    etc_hosts: Mapping[str, str] = field(default_factory=dict)
    """The addresses of each name, separated by commas; HOST_GATEWAY may be among them."""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    routes: Tuple[StaticRoute, ...] = ()
    """Its own routes, which take precedence over those of its networks."""
    no_default_route: bool = False
    """Whether it gets no default route from its networks."""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where its namespace is."""
        return self.netns or f"{NAMESPACES}/{self.name}"

    @property
    def configuration(self) -> str:
        """The folder with its hosts and resolv.conf."""
        return f"{CONFIGURATION}/{self.name}"

    def ipv6_off(self, interface: str) -> bool:
        """Say whether its kernel settings switch IPv6 off on INTERFACE."""
        settings = {name if "/" in name else name.replace(".", "/"): value for name, value in self.sysctls.items()}
        given = (settings.get(f"net/ipv6/conf/{name}/disable_ipv6") for name in (interface, "all", "default"))
        return next(filter(None, given), "0").strip() != "0"
