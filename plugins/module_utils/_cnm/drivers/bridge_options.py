# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of driver ``bridge``: Docker's keys, read into values."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Tuple

from ..model.addresses import address
from ..model.ids import check_device
from ..model.suggestions import did_you_mean
from . import ALLOW_HOST_OVERLAP, ENABLE_IPV6, MTU, flag, is_number

NAME = "com.docker.network.bridge.name"
INHIBIT_IPV4 = "com.docker.network.bridge.inhibit_ipv4"
HOST_BINDING_IPV6 = "cnm.host_binding_ipv6"
UPLINK = "cnm.bridge.uplink"
INTERFACE_PREFIX = "com.docker.network.container_iface_prefix"


class BridgeOptions(NamedTuple):
    """The options of a bridge network, with defaults for those that are not given."""

    name: Optional[str] = None
    icc: bool = True
    masquerade: bool = True
    host_binding_ipv4: Optional[ipaddress.IPv4Address] = None
    host_binding_ipv6: Optional[ipaddress.IPv6Address] = None
    inhibit_ipv4: bool = False
    gateway_mode_ipv4: str = "nat"
    gateway_mode_ipv6: str = "nat"
    mtu: Optional[int] = None
    enable_ipv6: Optional[bool] = None
    host_ipv4: Optional[ipaddress.IPv4Address] = None
    host_ipv6: Optional[ipaddress.IPv6Address] = None
    interface_prefix: str = "eth"
    allow_host_overlap: bool = False
    uplink: Optional[str] = None


def read_mtu(text: str) -> int:
    """Return the MTU in bytes in TEXT, the value of an option.

    :raises ValueError: if it is not an MTU
    """
    if not is_number(text) or not 68 <= int(text) <= 65535:
        raise ValueError(f"'{text}' is not an MTU: a number of bytes from 68 to 65535 (RFC 791).")
    return int(text)


def _mode(text: str) -> str:
    if text not in ("nat", "routed"):
        raise ValueError(f"'{text}' is neither nat nor routed.")
    return text


def read_prefix(text: str) -> str:
    """Return TEXT if it is a valid prefix of interface names.

    :raises ValueError: if it is not
    """
    check_device(f"{text}0")
    return text


def _ipv4(text: str) -> Any:
    return address(text, 4)


def _ipv6(text: str) -> Any:
    return address(text, 6)


def _binding(text: str) -> Any:
    bound = address(text, 4)
    return None if bound.is_unspecified else bound


def _binding6(text: str) -> Any:
    bound = address(text, 6)
    if bound.is_loopback:
        raise ValueError(f"IPv6 cannot forward from {bound} into a sandbox.")
    return bound


Keys = Mapping[str, Tuple[str, Callable[[str], Any]]]
"""Option -> the field that it sets, and what reads it."""

KEYS: Keys = {
    NAME: ("name", check_device),
    "com.docker.network.bridge.enable_icc": ("icc", flag),
    "com.docker.network.bridge.enable_ip_masquerade": ("masquerade", flag),
    "com.docker.network.bridge.host_binding_ipv4": ("host_binding_ipv4", _binding),
    HOST_BINDING_IPV6: ("host_binding_ipv6", _binding6),
    INHIBIT_IPV4: ("inhibit_ipv4", flag),
    "com.docker.network.bridge.gateway_mode_ipv4": ("gateway_mode_ipv4", _mode),
    "com.docker.network.bridge.gateway_mode_ipv6": ("gateway_mode_ipv6", _mode),
    MTU: ("mtu", read_mtu),
    ENABLE_IPV6: ("enable_ipv6", flag),
    "com.docker.network.host_ipv4": ("host_ipv4", _ipv4),
    "com.docker.network.host_ipv6": ("host_ipv6", _ipv6),
    INTERFACE_PREFIX: ("interface_prefix", read_prefix),
    ALLOW_HOST_OVERLAP: ("allow_host_overlap", flag),
    UPLINK: ("uplink", check_device),
}


def option_problems(options: Mapping[str, str], kind: str = "bridge", keys: Optional[Keys] = None) -> Dict[str, str]:
    """Return what is wrong with OPTIONS of a driver KIND, which has KEYS, by key, each in a sentence."""
    keys = keys or KEYS
    problems = {}
    for key, text in sorted(options.items()):
        if key == "com.docker.network.bridge.default_bridge":
            problems[key] = f"option '{key}' belongs to the predefined network 'bridge' and cannot be given."
        elif key not in keys:
            listed = f"; it has {', '.join(sorted(keys))}."
            again = any(listed in text for text in problems.values())
            problems[key] = (
                f"driver '{kind}' has no option '{key}'{did_you_mean(key, keys) or ('.' if again else listed)}"
            )
        else:
            try:
                keys[key][1](text)
            except ValueError as error:
                problems[key] = f"option '{key}': {error}"
    return problems


def normalized(options: Mapping[str, str], keys: Optional[Keys] = None) -> Dict[str, str]:
    """Return OPTIONS, which are valid, with each value in its normal form."""
    keys = keys or KEYS
    values = {key: keys[key][1](text) for key, text in options.items()}
    return {
        key: str(value).lower() if isinstance(value, bool) else options[key] if value is None else str(value)
        for key, value in values.items()
    }


def parse(options: Mapping[str, str]) -> BridgeOptions:
    """Return the values of OPTIONS, which are valid."""
    return _parsed(tuple(options.items()))


@lru_cache(maxsize=1024)
def _parsed(options: Tuple[Tuple[str, str], ...]) -> BridgeOptions:
    return BridgeOptions(**{KEYS[key][0]: KEYS[key][1](text) for key, text in options if key in KEYS})
