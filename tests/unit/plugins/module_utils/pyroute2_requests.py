# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests encoded by pyroute2 as a whole, from the values themselves."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.message_classes import message_class
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.uapi import NLM_F_REQUEST

Values = Sequence[Tuple[str, Any]]


def encoded(name: str, command: int, mode: int, values: Values, **fields: int) -> bytes:
    """Return the request COMMAND as encoded by the class NAME. VALUES are attributes; nested ones are lists."""
    message = message_class(name)()
    message["header"]["type"] = command
    message["header"]["flags"] = mode | NLM_F_REQUEST
    message["header"]["sequence_number"] = 0
    for field, value in fields.items():
        message[field] = value
    message["attrs"] = _nested(values)["attrs"]
    message.encode()
    return bytes(message.data) + bytes(-len(message.data) % 4)


def _nested(values: Values) -> Dict[str, List[Any]]:
    return {"attrs": [[name, _nested(value) if isinstance(value, list) else value] for name, value in values]}
