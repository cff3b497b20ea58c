# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges of Open vSwitch and their ports."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from typing import Dict, List, Sequence

from ...model.errors import CnmError, KernelRefused
from ...resources.link import PortKey
from ...resources.openvswitch import INTERNAL, SYSTEM, Bridge, BridgeKey, Port, VethPort, Vswitch
from ...resources.plan import Step
from ...resources.resource import HOST, Key, Obstacle, Resource, only
from .. import openvswitch
from ..face import Face, Host
from ..rtnl import internal_port


class Openvswitch(Face):
    """What is in the database of Open vSwitch. Removals and other changes are one transaction each."""

    def read(self, host: Host, keys: Sequence[Key]) -> List[Resource]:
        """Return the bridges and ports with KEYS, those that have lost their device as such."""
        switch = openvswitch.read(host.run)
        if not switch.installed:
            return []
        if switch.problem:
            return [Obstacle(key, switch.problem) for key in keys]
        bridges: List[BridgeKey] = only(BridgeKey, keys)
        ports: List[PortKey] = only(PortKey, keys)
        on_host = host.look(HOST, {*(key.name for key in bridges), *(key.name for key in ports)}).interfaces
        resources: List[Resource] = []
        for bridge in filter(None, (switch.bridges.get(key.name) for key in bridges)):
            works = bridge.foreign or bridge.name in on_host
            resources.append(bridge if works else replace(bridge, datapath=""))
        names = Counter(port.name for port in ports if port.kind == Port.kind)
        found: List[Port] = []
        for port in ports:
            try:
                # If it moves, it is not known for which sandbox an interrupted run has left it on the host.
                found += _port(host, port, switch, port.name in on_host and names[port.name] < 2)
            except CnmError as error:
                resources.append(Obstacle(port, str(error)))
        # A port has one device, so it is not also where that is missing.
        working = {port.name for port in found if port.type}
        return resources + [port for port in found if port.type or port.name not in working]

    def remove(self, host: Host, resources: Sequence[Resource]) -> List[CnmError]:
        commands = [["--if-exists", "del-port", port.name] for port in only(Port, resources)]
        commands += [["--if-exists", "del-br", bridge.name] for bridge in only(Bridge, resources)]
        try:
            openvswitch.change(host.run, commands)
        except CnmError as error:
            return [KernelRefused(str(error), resource.key) for resource in resources]
        return []

    def make(self, host: Host, steps: Sequence[Step]) -> List[CnmError]:
        bridges = only(Bridge, [step.after for step in steps])
        commands = [command for bridge in bridges for command in _bridge_commands(bridge)]
        commands += [command for step in steps for command in _port_commands(step)]
        about: Dict[str, Resource] = {each.name: each for each in only(Port, [step.after for step in steps])}
        about.update((bridge.name, bridge) for bridge in bridges)
        try:
            failed = openvswitch.change(host.run, commands)
        except CnmError as error:
            return [KernelRefused(str(error), each.key) for each in about.values()]
        return [
            KernelRefused(f"Open vSwitch could not set up {about[name]}: {why}.", about[name].key)
            for name, why in failed.items()
            if name in about
        ]


def _port(host: Host, key: PortKey, switch: Vswitch, on_host: bool) -> List[Port]:
    found = switch.ports.get(key.name)
    if found is None:
        return []
    if key.kind == VethPort.kind:
        return [VethPort(**{each.name: getattr(found, each.name) for each in fields(found)})]
    port = replace(found, namespace=key.namespace)
    if port.type != INTERNAL or port.foreign or on_host:
        return [port]
    space = key.namespace
    inside = host.look(space, [key.name]).interfaces if space and host.namespaces.find(space) is not None else {}
    if key.name in inside and internal_port.works(inside[key.name]):
        return [port]
    # Its device went with its namespace, or was removed, and Open vSwitch does not notice.
    return [replace(port, type="")]


def _bridge_commands(bridge: Bridge) -> List[List[str]]:
    settings = [f"datapath_type={bridge.datapath or SYSTEM}", f"external_ids:{openvswitch.MARK}=network"]
    return [["--may-exist", "add-br", bridge.name], ["set", "Bridge", bridge.name, *settings]]


def _port_commands(step: Step) -> List[List[str]]:
    port = step.after
    if not isinstance(port, Port):
        return []
    commands = [
        ["--may-exist", "add-port", port.bridge, port.name],
        ["set", "Port", port.name, f"external_ids:{openvswitch.MARK}=port"],
        ["set", "Interface", port.name, f'type="{port.type}"'],
    ]
    if port.tag is not None:
        commands.append(["clear", "Port", port.name, "trunks", "vlan_mode"])
        commands.append(["set", "Port", port.name, f"tag={port.tag}"])
    return commands
