# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an engine asks for: a container on a network, through an interface."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Sequence

from _cnm.engines import SHORT_ID
from _cnm.model.addresses import address
from _cnm.model.errors import Problems
from _cnm.model.ids import is_id

_PROCESS = re.compile(r"/proc/([1-9][0-9]{0,9})/ns/net")


@dataclass(frozen=True)
class Attachment:
    """Identifies the interface of a container, by the engine's own words."""

    engine: str
    """The protocol that the engine speaks: ``cni`` or ``netavark``."""
    container: str
    """The engine's id of the container."""
    network: str
    """The engine's name of the network."""
    interface: str
    """The name of the interface in the container."""


@dataclass(frozen=True)
class Joining:
    """What an engine asks of an attachment that is to be made."""

    attachment: Attachment
    namespace: str
    """The path of the container's network namespace."""
    name: str
    """What the container is called."""
    network: str
    """Name or id of our network."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of its endpoint, as an entry of ``networks`` of cnm_sandbox has them."""
    ports: Sequence[Mapping[str, Any]] = ()
    """The ports to publish, as entries of ``published_ports``."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Options of its sandbox, such as ``dns_servers``."""
    repeated: bool = False
    """Whether the same request may have made it, without an answer."""


def container_name(name: str, container: str) -> str:
    """Return what the container with id CONTAINER is called; NAME may be empty."""
    return name or (container[:SHORT_ID] if is_id(container) else container)


def adopting(namespace: str) -> Dict[str, Any]:
    """Return the options with which cnm_sandbox adopts the namespace with that path.

    A pid may be reused, so the namespace of a process is adopted by its identity.
    """
    process = _PROCESS.fullmatch(namespace)
    return {"pid": int(process[1])} if process else {"netns": namespace}


def address_options(problems: Problems, texts: Sequence[str], where: str) -> Dict[str, str]:
    """Return the options for the addresses in TEXTS, one of each family; prefix lengths are left out.

    :param problems: gets what is wrong
    :param where: what messages call the list
    """
    options: Dict[str, str] = {}
    for text in texts:
        with problems.about(where):
            parsed = address(text.partition("/")[0])
            option = f"ipv{parsed.version}_address"
            if options.setdefault(option, str(parsed)) != str(parsed):
                problems.add(f"{where}: an endpoint has one IPv{parsed.version} address, and there are two.")
    return options


def port_option(container: int, host: int, count: int, address_of_host: str, protocol: str) -> Dict[str, Any]:
    """Return an entry of ``published_ports`` for COUNT ports that begin with the port CONTAINER and the port HOST."""

    def numbers(first: int) -> str:
        return f"{first}-{first + count - 1}" if count > 1 else str(first)

    return {
        "container_port": numbers(container),
        "host_port": numbers(host),
        "host_ip": address_of_host,
        "protocol": protocol or "tcp",
    }


def endpoint_options(
    attachment: Attachment, addresses: Mapping[str, str], mac: str, aliases: Sequence[str]
) -> Dict[str, Any]:
    """Return the options of the endpoint of ATTACHMENT."""
    options: Dict[str, Any] = {"interface_name": attachment.interface, **addresses, "aliases": _distinct(aliases)}
    return {**options, "mac_address": mac} if mac else options


def _distinct(texts: Sequence[str]) -> List[str]:
    return list(dict.fromkeys(texts))
