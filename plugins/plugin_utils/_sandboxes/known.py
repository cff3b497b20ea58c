# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sandboxes as the inventory needs them: those that a host's variables declare, and those that a host lists."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

Template = Callable[[Any], Any]
"""Evaluates the templates in a value; raises what Ansible raises."""

_STOPPED = ("absent", "stopped")


@dataclass(frozen=True)
class Known:
    """A sandbox that runs, or should run."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, Mapping[str, Optional[str]]] = field(default_factory=dict)
    """By network, ``ipv4_address`` and ``ipv6_address``: None if the host chooses it or there is none."""


def declared(raw: Any, template: Template) -> Iterator[Known]:
    """Yield the sandboxes in RAW, the variable ``cnm_sandboxes`` of a host, that should run.

    Only what is needed is evaluated, because other options may refer to facts, which are not known yet.

    :raises ValueError: if RAW does not have the form of the variable
    """
    items = template(raw) if isinstance(raw, str) else raw
    if not isinstance(items or [], list):
        raise ValueError("cnm_sandboxes is not a list")
    for item in items or []:
        if not isinstance(item, Mapping) or not item.get("name"):
            raise ValueError("cnm_sandboxes is not a list of dictionaries that each have a name")
        wanted: Dict[str, Any] = {
            key: template(item[key]) for key in ("name", "state", "labels", "networks") if key in item
        }
        if wanted.get("state") in _STOPPED:
            continue
        networks = {
            str(each["name"]): {key: each.get(key) for key in ("ipv4_address", "ipv6_address")}
            for each in wanted.get("networks") or []
        }
        labels = {str(key): str(value) for key, value in (wanted.get("labels") or {}).items()}
        yield Known(str(wanted["name"]), labels, networks)


def listed(output: str) -> List[Known]:
    """Return the sandboxes that run, from the OUTPUT of ``cnm sandbox ls --format json``.

    :raises ValueError: if OUTPUT is something else
    """
    sandboxes = []
    for line in output.splitlines():
        shown = json.loads(line)
        if not isinstance(shown, dict) or not {"Name", "State", "Labels", "Networks"} <= shown.keys():
            raise ValueError(f"not a sandbox: {line}")
        if shown["State"] != "running":
            continue
        networks = {
            name: {"ipv4_address": each["IPAddress"] or None, "ipv6_address": each["GlobalIPv6Address"] or None}
            for name, each in shown["Networks"].items()
        }
        sandboxes.append(Known(shown["Name"], shown["Labels"], networks))
    return sandboxes
