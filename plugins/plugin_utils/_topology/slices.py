# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which slice of a subnet each host has, as the inventory says; `model/slices.py` has the rule.

Two host names can hash to the same slice: they are refused until one has a number.
"""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional

from ...module_utils._cnm.model.addresses import Subnet
from ...module_utils._cnm.model.slices import count, number, part, usable


def chosen(subnet: Subnet, numbers: Mapping[str, Optional[int]], problems: List[str]) -> Dict[str, int]:
    """Return each host's slice of SUBNET, by name; add to PROBLEMS why this is impossible.

    :param numbers: each host's number in the inventory, or None
    """
    if len(numbers) > count(subnet):
        problems.append(
            f"subnet {subnet} is divided into {count(subnet)} slices, too few for its {len(numbers)} hosts."
        )
        return {}
    indices: Dict[str, int] = {}
    for host, given in sorted(numbers.items()):
        try:
            indices[host] = number(host, given, subnet)
        except ValueError as error:
            problems.append(f"host '{host}': {error}")
            continue
        if usable(subnet, indices[host]) < 1:
            problems.append(
                f"subnet {subnet} leaves host '{host}' no address: its slice is {part(subnet, indices[host])}."
            )
    free = (index for index in range(count(subnet)) if index not in indices.values() and usable(subnet, index) > 0)
    holders: Dict[int, str] = {}
    for host, index in indices.items():
        if index in holders:
            spare = next(free, None)
            advice = f" such as {spare}" if spare is not None else ""
            problems.append(
                f"hosts '{holders[index]}' and '{host}' get the same slice of {subnet}, {part(subnet, index)}. "
                f"Give the newer of the two a cnm_host_number of its own,{advice}; the other one keeps its slice."
            )
        holders.setdefault(index, host)
    return indices
