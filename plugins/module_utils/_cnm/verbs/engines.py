# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which container engines know a network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterator, Mapping

from ..drivers import driver
from ..model.network import Network
from .context import Context


def known_to_engines(context: Context, network: Network, item: Mapping[str, Any], subject: str) -> Network:
    """Return NETWORK with the engines of ITEM, and with Docker's networks that the service tells of.

    Problems are added to the context's.
    """
    if item.get("engines") is not None:
        network = replace(network, engines=tuple(sorted(set(item["engines"]))))
    if item.get("docker_networks") is not None:
        network = replace(network, docker_networks=dict(item["docker_networks"]))
    if network.engines:
        for problem in docker_problems(network):
            context.problems.add(f"{subject}: {problem}")
    return network


def docker_problems(network: Network) -> Iterator[str]:
    """Yield a sentence for each reason why Docker cannot use NETWORK."""
    if network.predefined:
        yield "Docker cannot use it, because it is predefined. Create another one."
    elif not driver(network.driver).has_bridge:
        yield (
            f"Docker cannot use it, because its driver '{network.driver}' makes no bridge. Docker has such a driver "
            "itself."
        )
    else:
        for each in network.pools:
            if each.gateway is None:
                yield f"Docker cannot use it, because it has no gateway in {each.subnet}."
