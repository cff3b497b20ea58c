# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open vSwitch: what its database has, and how that is changed, by the programs that come with it."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..model.errors import KernelRefused
from ..resources.openvswitch import NETDEV, SYSTEM, Bridge, Port, Vswitch
from ..resources.resource import HOST
from .system.programs import Run, find

MARK = "cnm"
"""The key in ``external_ids`` of what is ours."""

_TO_ANSWER, _TO_CHANGE = "--timeout=30", "--timeout=60"
"""In seconds. A change waits until ovs-vswitchd has made it."""

_QUESTIONS = (
    ("--columns=name,ports,datapath_type,external_ids", "list", "Bridge"),
    ("--columns=_uuid,name,tag,trunks,vlan_mode,external_ids", "list", "Port"),
    ("--columns=name,type", "list", "Interface"),
)
_FAILED = re.compile(r"Error detected while setting up '([^']*)'(?:: (.*?))?\.  See ovs-vswitchd log")
_LATE = "|fatal_signal|"
"""In the log of a program that its timeout has ended."""
_START = "Start the service 'openvswitch-switch'."
_MISSING = "Open vSwitch is not installed on this host. Install the package 'openvswitch-switch'."


def read(run: Run) -> Vswitch:
    """Return what the database has."""
    program = find("ovs-vsctl")
    if program is None:
        return Vswitch(_MISSING, installed=False)
    command = [program, _TO_ANSWER, "--no-wait", "--format=json"]
    for question in _QUESTIONS:
        command += ["--", *question]
    code, output, errors = run(command, None)
    if code:
        return Vswitch(f"Open vSwitch's database does not answer ({_reason(errors)}). {_START}")
    appctl = find("ovs-appctl") or "ovs-appctl"
    code, _output, errors = run([appctl, _TO_ANSWER, "--target=ovs-vswitchd", "version"], None)
    if code:
        return Vswitch(f"Open vSwitch's ovs-vswitchd does not answer ({_reason(errors)}). {_START}")
    try:
        bridges, ports, interfaces = (_rows(line) for line in output.splitlines())
        return _parsed(bridges, ports, {row["name"]: row["type"] for row in interfaces})
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise KernelRefused("ovs-vsctl lists the database of Open vSwitch in an unknown form.") from error


def has_system_datapath(run: Run) -> bool:
    """Say whether the kernel has the datapath of Open vSwitch."""
    program = find("ovs-dpctl")
    return program is not None and run([program, _TO_ANSWER, "dump-dps"], None)[0] == 0


def change(run: Run, commands: Sequence[Sequence[str]]) -> Mapping[str, str]:
    """Carry out COMMANDS of ovs-vsctl in one transaction; return, by name, why something does not work.

    :raises KernelRefused: if the database is left as it was
    """
    program = find("ovs-vsctl")
    if program is None:
        raise KernelRefused(_MISSING)
    whole = [program, _TO_CHANGE]
    for command in commands:
        whole += ["--", *command]
    code, _output, errors = run(whole, None)
    if code:
        raise KernelRefused(f"Open vSwitch did not carry out a change: {_reason(errors)}.")
    return {match[1]: match[2] or "see the log of ovs-vswitchd" for match in _FAILED.finditer(errors)}


def _reason(errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.strip() and _LATE not in line]
    return lines[-1].partition("ovs-vsctl: ")[2] or lines[-1] if lines else "no answer in time"


def _rows(line: str) -> List[Dict[str, Any]]:
    table = json.loads(line)
    return [dict(zip(table["headings"], row)) for row in table["data"]]


def _set(cell: Any) -> List[Any]:
    """Return the elements of CELL (RFC 7047 section 5.1)."""
    return list(cell[1]) if isinstance(cell, list) and cell[0] == "set" else [cell]


def _is_foreign(row: Mapping[str, Any]) -> bool:
    return MARK not in dict(map(tuple, row["external_ids"][1]))


def _parsed(
    bridges: Sequence[Mapping[str, Any]], ports: Sequence[Mapping[str, Any]], types: Mapping[str, str]
) -> Vswitch:
    bridge_of = {uuid: row["name"] for row in bridges for _word, uuid in _set(row["ports"])}
    return Vswitch(
        bridges={
            row["name"]: Bridge(row["name"], NETDEV if row["datapath_type"] == NETDEV else SYSTEM, _is_foreign(row))
            for row in bridges
        },
        ports={
            row["name"]: Port(
                HOST, row["name"], bridge_of[row["_uuid"][1]], _tag(row), types.get(row["name"], ""), _is_foreign(row)
            )
            for row in ports
            if row["_uuid"][1] in bridge_of
        },
    )


def _tag(row: Mapping[str, Any]) -> Optional[int]:
    """Return the VLAN of the port that ROW describes if all its frames are in that."""
    tags: Tuple[int, ...] = tuple(_set(row["tag"]))
    is_access = _set(row["vlan_mode"]) in ([], ["access"]) and not _set(row["trunks"])
    return tags[0] if tags and is_access else None
