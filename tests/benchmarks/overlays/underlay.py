# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No overlay, but the network that carries it."""

from __future__ import annotations

from collections.abc import Sequence

from fleet import Fleet, Member

from . import HOST, Endpoint


class Underlay:
    """The hosts themselves, which are the limit."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def endpoint(self, number: int) -> Endpoint:
        member = self._fleet.members[number - 1]
        return Endpoint(member, HOST, member.vtep[4])

    def namespaces(self, member: Member) -> Sequence[str]:
        return (HOST,)

    def close(self) -> None:
        """There is nothing to stop."""
