# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses that a run can give to the endpoints of a network."""

from __future__ import annotations

from typing import Iterator, Optional

from ..composition.elsewhere import informed
from ..model.addresses import Address
from ..model.allocation import lowest_free, span
from ..model.network import Network, Pool
from .context import Context


class FreeAddresses:
    """The addresses of a pool that are free, each once. Nothing is searched twice, however many endpoints there are."""

    def __init__(self, context: Context, network: Network, pool: Pool) -> None:
        """Look for addresses of POOL, a pool of NETWORK."""
        self._context = context
        self._network = network
        self._pool = pool
        version = pool.subnet.version
        there = (remote.address(version) for _peer, remote in informed(context.store, network).remotes())
        self._elsewhere = {int(each) for each in there if each is not None}
        self._is_shared = network.underlay is not None and bool(network.underlay.member)
        self._has_slices = True
        if self._is_shared:
            from .overlay import has_slices

            self._has_slices = has_slices(network)
        self._start = span(pool)[0]
        self._beyond: Optional[Iterator[Address]] = None

    def take(self) -> Address:
        """Return one that was not returned before: the lowest, then those that have to be claimed in etcd.

        :raises ValueError: if there is none
        """
        chooses_alone = not self._is_shared or (self._has_slices and self._pool.iprange is not None)
        if self._beyond is None and chooses_alone:
            taken = self._context.store.taken(self._network.id, self._pool.subnet.version, self._start)
            try:
                lowest = lowest_free(self._pool, taken, self._start, self._elsewhere)
                self._start = int(lowest) + 1
                return lowest
            except ValueError:
                if not self._is_shared:
                    raise
        if self._beyond is None:
            from .claims import beyond

            self._beyond = beyond(self._context, self._network, self._pool, self._elsewhere)
        for address in self._beyond:
            return address
        if self._has_slices:
            reason = f"{self._pool.subnet}: hosts have claimed all slices that have any left"
        else:
            reason = str(self._pool.iprange or self._pool.subnet)
        raise ValueError(f"no address is free in {reason}.")
