# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan, in the form that ``--diff`` prints."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from .plan import Step

_IDS = ("Id", "NetworkID", "SandboxID", "EndpointID")


def of_objects(kind: str, name: str, before: Dict[str, Any], after: Dict[str, Any]) -> Dict[str, Any]:
    """Return the difference between two states of the object NAME, without nulls and ids, which nobody reads."""
    header = f"{kind} {name}"
    return {"before_header": header, "after_header": header, "before": _readable(before), "after": _readable(after)}


def _readable(value: Any) -> Any:
    if isinstance(value, list):
        return [_readable(each) for each in value]
    if not isinstance(value, dict):
        return value
    readable = {key: _readable(each) for key, each in value.items() if each is not None and key not in _IDS}
    if isinstance(readable.get("Containers"), dict):
        readable["Containers"] = {each["Name"]: each for each in readable["Containers"].values()}
    return readable


def of_host(steps: Sequence[Step]) -> List[Dict[str, Any]]:
    """Return the difference that STEPS make on the host: text files line by line, other resources as one line each."""
    files: List[Dict[str, Any]] = []
    before: List[str] = []
    after: List[str] = []
    for step in steps:
        path = step.resource.text_file
        if path:
            texts = {"before": getattr(step.before, "text", ""), "after": getattr(step.after, "text", "")}
            files.append({"before_header": path, "after_header": path, **texts})
            continue
        before += [step.before.shown] if step.before else []
        after += [step.after.shown] if step.after else []
    if not before and not after:
        return files
    text = {"before": "\n".join(before) + "\n", "after": "\n".join(after) + "\n"}
    return [{"before_header": "host", "after_header": "host", **text}, *files]
