# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of driver ``overlay``: Docker's keys, and our own for what Docker's managers determined themselves."""

from __future__ import annotations

import hashlib
from typing import Dict, Mapping, Optional

from ..model.addresses import Address, address
from ..model.value import value
from . import ALLOW_HOST_OVERLAP, ENABLE_IPV6, ETCD, EVPN, INVENTORY, MTU, bridge_options, flag, is_number

VNI = "com.docker.network.driver.overlay.vxlanid_list"
VTEP = "cnm.overlay.vtep_address"
PORT = "cnm.overlay.port"
LEARNING = "cnm.overlay.learning"
CONTROL = "cnm.overlay.control"
NAMES = "cnm.overlay.names"
SLICES = "cnm.overlay.slices"
ENCRYPTED = "encrypted"
"""Docker's key."""

VNIS = 1 << 24
"""The number of network identifiers (RFC 7348 section 4)."""
_FIRST_DERIVED = 4096
"""Lower identifiers are left to people, and to Docker, which starts there."""


@value
class OverlayOptions:
    """The options of an overlay network that a bridge network does not have."""

    vni: Optional[int] = None
    vtep: Optional[Address] = None
    port: int = 4789
    """IANA's for VXLAN."""
    learning: Optional[bool] = None
    control: str = INVENTORY
    encrypted: bool = False
    names: Optional[str] = None
    """None for those that follow from ``control``."""
    slices: bool = True


def _vni(text: str) -> int:
    if not is_number(text) or not 1 <= int(text) < VNIS:
        raise ValueError(f"'{text}' is not a VXLAN network identifier: one number from 1 to {VNIS - 1} (RFC 7348).")
    return int(text)


def _port(text: str) -> int:
    if not is_number(text) or not 1 <= int(text) <= 65535:
        raise ValueError(f"'{text}' is not a UDP port: a number from 1 to 65535.")
    return int(text)


def _vtep(text: str) -> Address:
    end = address(text)
    if end.is_unspecified or end.is_multicast or end.is_loopback or (end.version == 6 and end.is_link_local):
        raise ValueError(f"'{text}' is not an address at which other hosts can reach this one.")
    return end


def _control(text: str) -> str:
    if text not in (INVENTORY, ETCD, EVPN):
        raise ValueError(f"'{text}' is none of '{INVENTORY}', '{ETCD}' and '{EVPN}'.")
    return text


def _names(text: str) -> str:
    if text not in (INVENTORY, ETCD):
        raise ValueError(f"'{text}' is neither '{INVENTORY}' nor '{ETCD}'.")
    return text


def _encrypted(text: str) -> bool:
    """Return whether TEXT asks for encryption. Docker's option has no value."""
    return flag(text) if text else True


_OWN: bridge_options.Keys = {
    VNI: ("vni", _vni),
    VTEP: ("vtep", _vtep),
    PORT: ("port", _port),
    LEARNING: ("learning", flag),
    CONTROL: ("control", _control),
    ENCRYPTED: ("encrypted", _encrypted),
    NAMES: ("names", _names),
    SLICES: ("slices", flag),
}
_SHARED = (
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.bridge.host_binding_ipv4",
    bridge_options.HOST_BINDING_IPV6,
    MTU,
    ENABLE_IPV6,
    "com.docker.network.host_ipv4",
    "com.docker.network.host_ipv6",
    bridge_options.INTERFACE_PREFIX,
    ALLOW_HOST_OVERLAP,
)
LOCAL = (
    VTEP,
    LEARNING,
    "com.docker.network.bridge.host_binding_ipv4",
    bridge_options.HOST_BINDING_IPV6,
    "com.docker.network.host_ipv4",
    "com.docker.network.host_ipv6",
    bridge_options.INTERFACE_PREFIX,
    ALLOW_HOST_OVERLAP,
)
"""The options that may differ between the hosts of a network."""
KEYS: bridge_options.Keys = {**_OWN, **{key: bridge_options.KEYS[key] for key in _SHARED}}


def option_problems(options: Mapping[str, str]) -> Dict[str, str]:
    """Return what is wrong with OPTIONS, by key, each in a sentence."""
    problems = bridge_options.option_problems(options, "overlay", KEYS)
    if not problems:
        chosen = parse(options)
        if chosen.control == EVPN and chosen.learning:
            problems[LEARNING] = f"option '{LEARNING}': with '{CONTROL}: {EVPN}', hosts do not learn from packets."
        if chosen.control != EVPN and chosen.names is not None:
            problems[NAMES] = f"option '{NAMES}' needs '{CONTROL}: {EVPN}'; otherwise names come with the locations."
        if chosen.control != ETCD and not chosen.slices:
            problems[SLICES] = (
                f"option '{SLICES}': without '{CONTROL}: {ETCD}', each host needs a slice to choose addresses from."
            )
    return problems


def normalized(options: Mapping[str, str]) -> Dict[str, str]:
    """Return OPTIONS, which are valid, with each value in its normal form."""
    return bridge_options.normalized(options, KEYS)


def parse(options: Mapping[str, str]) -> OverlayOptions:
    """Return the values of OPTIONS, which are valid, without those that a bridge network also has."""
    return OverlayOptions(**{_OWN[key][0]: _OWN[key][1](text) for key, text in options.items() if key in _OWN})


def vni(name: str, options: Mapping[str, str]) -> int:
    """Return the network identifier of the network NAME: the one that OPTIONS give, or else one for that name.

    That is 4096 plus the first eight bytes of the name's SHA-256, as a big-endian number, modulo 2^24 - 4096: the same
    on every host, without a central service.
    """
    given = parse(options).vni
    if given is not None:
        return given
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return _FIRST_DERIVED + number % (VNIS - _FIRST_DERIVED)
