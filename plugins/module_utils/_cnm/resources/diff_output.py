# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan, in the form that ``--diff`` prints."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Dict, List, Optional, Sequence

from ..model.secret_settings import told
from .kinds import Element, File, Resource, Ruleset, Sysctl
from .plan import Step

_IDS = ("Id", "NetworkID", "SandboxID", "EndpointID")
_SAID = ("type", "group", "ours", "mounted")
"""What a resource's name says of it already, or what all of ours have in common."""
_FILES = (File.kind, "records")
"""Kinds whose text is shown by its lines."""


def of_objects(kind: str, name: str, before: Dict[str, Any], after: Dict[str, Any]) -> Dict[str, Any]:
    """Return the difference between two states of the object NAME, without what nobody reads: nulls and ids."""
    header = f"{kind} {name}"
    return {"before_header": header, "after_header": header, "before": _readable(before), "after": _readable(after)}


def _readable(value: Any) -> Any:
    if isinstance(value, list):
        return [_readable(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {key: _readable(each) for key, each in value.items() if each is not None and key not in _IDS}
    if isinstance(found.get("Containers"), dict):
        found["Containers"] = {each["Name"]: each for each in found["Containers"].values()}
    return found


def of_host(steps: Sequence[Step]) -> List[Dict[str, Any]]:
    """Return the difference that STEPS make on the host: text files by their lines, all else as a line each."""
    found: List[Dict[str, Any]] = []
    before: List[str] = []
    after: List[str] = []
    for step in steps:
        if step.resource.kind in _FILES:
            path = step.resource.key[1]
            texts = {"before": getattr(step.before, "text", ""), "after": getattr(step.after, "text", "")}
            found.append({"before_header": path, "after_header": path, **texts})
            continue
        before += _line(step.before)
        after += _line(step.after)
    if before or after:
        text = {"before": "\n".join(before) + "\n", "after": "\n".join(after) + "\n"}
        found.insert(0, {"before_header": "host", "after_header": "host", **text})
    return found


def _line(resource: Optional[Resource]) -> List[str]:
    if resource is None:
        return []
    if isinstance(resource, Ruleset):
        return [f"{resource}{' (changed by somebody else)' if resource.text is None else ''}"]
    if isinstance(resource, Element):
        return [f"{resource}: {resource.value}" if resource.value else str(resource)]
    if isinstance(resource, Sysctl):
        resource = replace(resource, value=told(resource.name, resource.value))
    shown = {
        field.name: getattr(resource, field.name)
        for field in fields(resource)
        if field.name not in (*_SAID, *resource.ignored) and getattr(resource, field.name) not in (None, *resource.key)
    }
    details = ", ".join(f"{name} {value}" for name, value in shown.items())
    return [f"{resource}: {details}" if details else str(resource)]
