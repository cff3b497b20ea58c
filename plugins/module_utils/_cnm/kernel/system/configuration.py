# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The administrator's settings for all networks, in a file with the form of Docker's daemon.json."""

from __future__ import annotations

import ipaddress
import json
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Tuple

from ...model.addresses import check_usable, subnet
from ...model.errors import InvalidInput
from ...model.suggestions import did_you_mean

PATH = "/etc/cnm/cnm.json"


def default_address_pools() -> List[Tuple[ipaddress.IPv4Network, int]]:
    """Return ``base`` and ``size``, a prefix length, of each entry of ``default-address-pools``.

    :raises InvalidInput: if the file is not valid
    """
    with _understood():
        entries = [_known(entry, "base", "size") for entry in _read().get("default-address-pools", [])]
        return [_pools(_base(entry["base"]), _size(entry["size"])) for entry in entries]


def ip_forward_no_drop() -> bool:
    """Say whether the host is also to forward for others, if forwarding was off before us.

    :raises InvalidInput: if the file is not valid
    """
    with _understood():
        setting = _read().get("ip-forward-no-drop", False)
        if not isinstance(setting, bool):
            raise ValueError("ip-forward-no-drop is neither true nor false")
        return setting


def _read() -> Dict[str, Any]:
    try:
        with open(PATH, "rb", buffering=0) as file:
            return _known(json.loads(file.readall()), "default-address-pools", "ip-forward-no-drop")
    except FileNotFoundError:
        return {}


@contextmanager
def _understood() -> Iterator[None]:
    """Turn errors in the block, which reads the file, into an error about the file."""
    try:
        yield
    except OSError as error:
        raise InvalidInput([f"'{PATH}' cannot be read: {error.strerror}."]) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise InvalidInput(
            [
                f"'{PATH}' is not valid ({error}). It must hold an object such as "
                '{"default-address-pools": [{"base": "10.200.0.0/16", "size": 24}]}.'
            ]
        ) from error


def _known(settings: Dict[str, Any], *keys: str) -> Dict[str, Any]:
    """Return SETTINGS after checking that they have no keys other than KEYS."""
    for key in settings.keys() - set(keys):
        raise ValueError(f"there is no key '{key}'{did_you_mean(key, keys)}")
    return settings


def _size(size: Any) -> int:
    if not isinstance(size, int):
        raise ValueError(f"size {size!r} is not a whole number")
    return size


def _pools(base: ipaddress.IPv4Network, size: int) -> Tuple[ipaddress.IPv4Network, int]:
    if not base.prefixlen <= size <= 30:
        raise ValueError(f"size {size} of base {base} is not from {base.prefixlen} to 30")
    return base, size


def _base(text: str) -> ipaddress.IPv4Network:
    base = subnet(text)
    if not isinstance(base, ipaddress.IPv4Network):
        raise ValueError(f"'{text}' is not an IPv4 subnet.")
    check_usable(base)
    return base
