# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ports that users ask for: Docker's text form, or a mapping."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Iterable, Mapping, Optional, Sequence

from .addresses import Address, Subnet, address, subnet
from .endpoint import Port
from .errors import Problems, every

PROTOCOLS = ("tcp", "udp", "sctp")
_KEYS = {"container_port", "host_port", "host_ip", "protocol", "allowed_sources"}
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")


def parse_ports(specification: Any) -> Sequence[Port]:
    """Return the ports of SPECIFICATION, Docker's text form or a mapping; a range gives one port for each number.

    :raises ValueError: if it is not valid, with all reasons
    """
    if isinstance(specification, Mapping):
        return _from_mapping(specification)
    if isinstance(specification, (int, str)) and not isinstance(specification, bool):
        return _from_text(str(specification))
    raise ValueError("it is neither text such as '8080:80' nor a mapping.")


def _from_text(text: str) -> Sequence[Port]:
    rest, slash, protocol = text.partition("/")
    host_ip, host_port = "", ""
    rest, colon, container_port = rest.rpartition(":")
    if colon:
        host_ip, _colon, host_port = rest.rpartition(":")
        if not host_ip and ":" not in rest and "." in rest:
            host_ip, host_port = rest, ""
    problems = Problems()
    if host_ip.startswith("[") and host_ip.endswith("]"):
        host_ip = host_ip[1:-1]
    elif ":" in host_ip and ("::" in text or text.count(":") > 7):
        # Without brackets, the end of the address would be a guess.
        problems.add("write an IPv6 address of the host in brackets, such as '[fd00::1]:8080:80'.")
        host_ip = ""
    return _ports(problems, container_port, host_port, host_ip, protocol if slash else "tcp", ())


def _from_mapping(data: Mapping[str, Any]) -> Sequence[Port]:
    problems = Problems()
    for key in sorted(str(key) for key in set(data) - _KEYS):
        problems.add(f"it has an unknown key '{key}'.")
    container_port, sources = data.get("container_port"), data.get("allowed_sources")
    if sources is None:
        sources = ()
    elif isinstance(sources, Sequence) and not sources:
        problems.add("allowed_sources is empty, so nobody could use it; leave it out to let everybody in.")
    elif isinstance(sources, str) or not isinstance(sources, Sequence):
        problems.add("allowed_sources is a list of subnets or addresses.")
        sources = ()
    return _ports(
        problems,
        None if container_port is None else str(container_port),
        str(data.get("host_port") or ""),
        str(data.get("host_ip") or ""),
        str(data.get("protocol") or "tcp"),
        sources,
    )


def _ports(
    problems: Problems,
    container_port: Optional[str],
    host_port: str,
    host_ip: str,
    protocol: str,
    sources: Iterable[Any],
) -> Sequence[Port]:
    """Return the ports with these properties.

    :raises ValueError: with PROBLEMS, which are known already, and all others
    """
    if protocol not in PROTOCOLS:
        problems.add(f"protocol '{protocol}' is not one of {', '.join(PROTOCOLS)}.")
    inner: Sequence[int] = ()
    outer: Sequence[int] = ()
    bound: Optional[Address] = None
    allowed: Sequence[Subnet] = ()
    with problems.about():
        if container_port is None:
            raise ValueError("it needs a container_port.")
        inner = _range(container_port)
    with problems.about():
        outer = _range(host_port) if host_port else ()
    if inner and outer and len(inner) != len(outer):
        problems.add(f"the two ranges have {len(outer)} and {len(inner)} ports.")
    with problems.about():
        bound = _bound(host_ip) if host_ip else None
    with problems.about():
        allowed = every(_source, sources)
    problems.refuse()
    them = (*_collapsed(allowed, 4), *_collapsed(allowed, 6))
    pairs = zip(inner, outer or (None,) * len(inner))
    return [Port(inside, outside, bound, protocol, them) for inside, outside in pairs]


def _bound(text: str) -> Optional[Address]:
    """Return the host address in TEXT; None for all IPv4 addresses."""
    parsed = address(text)
    if parsed.version == 6 and parsed.is_loopback:
        raise ValueError(f"IPv6 cannot forward from {parsed} into a sandbox; publish on 127.0.0.1.")
    return None if parsed.version == 4 and parsed.is_unspecified else parsed


def _source(source: Any) -> Subnet:
    parsed = subnet(str(source)) if "/" in str(source) else ipaddress.ip_network(address(str(source)))
    if parsed.version == 6 and parsed.network_address.ipv4_mapped is not None:
        # No packet has such an address, so the port would be closed to all of them.
        raise ValueError(f"'{source}' is an IPv4 address in IPv6 form; write it in IPv4 form.")
    return parsed


def _collapsed(nets: Iterable[Any], version: int) -> Sequence[Any]:
    return sorted(ipaddress.collapse_addresses(net for net in nets if net.version == version))


def _range(text: str) -> Sequence[int]:
    match = _RANGE.fullmatch(text)
    if not match:
        raise ValueError(f"'{text}' is neither a port nor a range of ports.")
    low, high = int(match[1]), int(match[2] or match[1])
    if not 1 <= low <= high <= 65535:
        raise ValueError(f"'{text}' is not within 1 to 65535, the lower first.")
    return range(low, high + 1)
