# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which container engines know a network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterator, Mapping, Optional

from ..drivers import driver
from ..model.network import DHCP, Network
from .context import Context, quoted


def known_to_engines(
    context: Context, existing: Optional[Network], network: Network, item: Mapping[str, Any], subject: str
) -> Network:
    """Return NETWORK with the engines of ITEM, and with Docker's networks that the service tells of.

    Problems are added to the context's.

    :param existing: the network as it was
    """
    if existing is not None and existing.docker_networks:
        _check_docker_follows(context, existing, network, item, subject)
    if item.get("engines") is not None:
        network = replace(network, engines=tuple(sorted(set(item["engines"]))))
    if item.get("docker_networks") is not None:
        network = replace(network, docker_networks=dict(item["docker_networks"]))
    if network.engines:
        for problem in docker_problems(network):
            context.problems.add(f"{subject}: {problem}")
    return network


def _check_docker_follows(
    context: Context, existing: Network, network: Network, item: Mapping[str, Any], subject: str
) -> None:
    """Check that Docker, which knows EXISTING, is not left with what is wrong for NETWORK; warn of what Docker keeps.

    A network of Docker cannot be changed. If ITEM says which engines know ours, Docker's is replaced.
    """
    kept = {pool.subnet for pool in network.pools}
    lost = [str(pool.subnet) for pool in existing.pools if pool.subnet not in kept]
    if lost and not network.engines and item.get("engines") is None:
        context.problems.add(
            f"{subject}: Docker knows it with the subnet {' and '.join(lost)}, and cannot change that. Remove it from "
            "Docker first, with 'docker network rm', or set engines: [docker]."
        )
    if existing.mtu != network.mtu:
        inside = [each for each in context.store.running_endpoints(network.id) if each.handed_over]
        if inside:
            context.warn(
                f"{subject}: Docker has the interfaces of its containers, so they keep the MTU {existing.mtu} until "
                f"they start again: {quoted(inside)}."
            )


def docker_problems(network: Network) -> Iterator[str]:
    """Yield a sentence for each reason why Docker cannot use NETWORK."""
    if network.predefined:
        yield "Docker cannot use it, because it is predefined. Create another one."
        return
    reason = driver(network.driver).not_handed_over(network)
    if reason:
        yield f"Docker cannot use it, because {reason}"
    if network.ipam_driver == DHCP:
        yield (
            f"Docker cannot use it, because its ipam_driver is '{DHCP}', and Docker wants an address before there is "
            "an interface that could ask for one."
        )
    for each in network.pools:
        if each.gateway is None:
            yield f"Docker cannot use it, because it has no gateway in {each.subnet}."
