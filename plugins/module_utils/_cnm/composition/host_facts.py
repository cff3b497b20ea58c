# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts about the host that the resources of objects depend on."""

from __future__ import annotations

from typing import Hashable, Optional, Protocol, Sequence, Set

from ..adopted import Holding


class Host(Holding, Protocol):
    """What is asked about the host."""

    def namespace_file(self, path: str) -> Optional[Hashable]:
        """Return which file is at PATH now; None if there is none. Namespaces that are different files differ."""

    def lost_leases(self) -> Set[str]:
        """Return the ids of the endpoints whose addresses were leased by DHCP servers, for a time that is over."""

    def resolv_conf(self) -> str:
        """Return the text of the host's resolv.conf."""

    def ipv6(self) -> bool:
        """Say whether the host has IPv6."""

    def unforwarded(self, version: int) -> Sequence[str]:
        """Return the interfaces that are not ours if the host does not forward family VERSION; empty if it does."""

    def lan_interfaces(self) -> Sequence[str]:
        """Return the interfaces that are not ours and join the host to a LAN: hardware, VLANs, bonds."""

    def is_router(self) -> bool:
        """Say whether the administrator wants the host to forward for its neighbours, too."""

    def router_advertised(self) -> Sequence[str]:
        """Return the devices whose default route comes from router advertisements."""

    def docker_chains(self) -> Sequence[str]:
        """Return the families, ``ip`` and ``ip6``, for which Docker has its chain ``DOCKER-USER`` or would make it."""

    def has_name_server(self) -> bool:
        """Say whether the name server program is installed."""

    def other_bridges(self) -> Sequence[str]:
        """Return the bridges of the host that are not ours."""
