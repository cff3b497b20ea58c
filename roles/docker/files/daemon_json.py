# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merges settings into Docker's daemon.json, as a JSON Merge Patch (RFC 7386).

Reads an object from standard input: ``present`` (the file in base64, or null), ``wanted`` (the patch; null removes a
key), ``pools`` (default-address-pools, for a file without them), ``reloadable`` (keys for which SIGHUP is enough)
and ``ours`` (subnets that pools should not overlap). Writes an object with either ``problem``, or ``text``,
``differing`` (keys), ``reload`` (whether SIGHUP is enough), ``config`` and ``overlaps``.
"""

import base64
import ipaddress
import json
import sys


def without_repetition(pairs):
    """Return a dict of PAIRS; raise ValueError if a key occurs twice, because a merge would lose one of them."""
    members = {}
    for key, value in pairs:
        if key in members:
            raise ValueError(f'the key "{key}" occurs twice')
        members[key] = value
    return members


def not_json(name):
    """Refuse NaN and Infinity, which Python accepts and Docker does not."""
    raise ValueError(f"{name} is not JSON")


def patched(present, patch):
    """Return PRESENT with PATCH merged into it."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(present) if isinstance(present, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = patched(merged.get(key), value)
    return merged


def overlaps(pools, ours):
    """Return the bases of POOLS that overlap a subnet of OURS."""
    bases = []
    for pool in pools if isinstance(pools, list) else []:
        try:
            base = ipaddress.ip_network(pool["base"], strict=False)
        except (KeyError, TypeError, ValueError):
            continue
        if any(base.version == 4 and base.overlaps(ipaddress.ip_network(other)) for other in ours):
            bases.append(str(base))
    return bases


def merge(present, wanted, pools, reloadable, ours):
    """Return this program's answer; raise ValueError if the file is not a JSON object."""
    text = base64.b64decode(present or "").decode()
    config = json.loads(text, object_pairs_hook=without_repetition, parse_constant=not_json) if text.strip() else {}
    if not isinstance(config, dict):
        raise ValueError("its top level is not an object, {...}")
    if pools and "default-address-pools" not in config and "default-address-pools" not in wanted:
        wanted = {**wanted, "default-address-pools": pools}
    merged = patched(config, wanted)
    absent = object()
    differing = sorted(key for key in {**config, **merged} if config.get(key, absent) != merged.get(key, absent))
    return {
        "text": json.dumps(merged, indent=4) + "\n" if differing else text,
        "differing": differing,
        "reload": all(key in reloadable and key in merged for key in differing),
        "config": merged,
        "overlaps": overlaps(merged.get("default-address-pools"), ours),
    }


try:
    answer = merge(**json.load(sys.stdin))
except ValueError as error:
    answer = {"problem": str(error)}
json.dump(answer, sys.stdout)
