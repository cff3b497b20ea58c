# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings one host into the state that the inventory declares, with the declarations of all hosts in view."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.playbook.handler import Handler
from ansible.plugins.action import ActionBase

from ..module_utils._cnm.options import examine
from ..modules.cnm_network import ARGUMENTS as NETWORK
from ..modules.cnm_sandbox import ARGUMENTS as SANDBOX
from ..plugin_utils._topology import reports, shared
from ..plugin_utils._topology.declaration import OWN_VARIABLES, VARIABLES, Declaration, read
from ..plugin_utils._topology.inventory import Everywhere, Inventory, Told
from ..plugin_utils._topology.oversights import misspelt
from ..plugin_utils._topology.shared import Answer, Work
from ..plugin_utils._topology.sources import Names, digest
from ..plugin_utils._topology.wording import message

_OPTIONS: Dict[str, Tuple[str, Mapping[str, Any]]] = {
    "cnm_networks": ("networks", NETWORK),
    "cnm_sandboxes": ("sandboxes", SANDBOX),
}
_SANDBOX = "cnm.linux.sandbox"
"""The connection to hosts of the inventory that are sandboxes."""
_LOCKSTEP = ("linear", "ansible.builtin.linear", "debug", "ansible.builtin.debug")
"""Strategies that start the next task when all hosts of a batch have finished the present one."""


class ActionModule(ActionBase):
    """Runs the module on the host, after reading the declarations of all hosts in the inventory."""

    _supports_check_mode = True
    _requires_connection = True
    TRANSFERS_FILES = False

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Return whether the host was changed, and its networks and sandboxes."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        if not self._task.args.keys() <= {"exchange"}:
            text = (
                "topology takes no options except exchange. Declare cnm_networks and cnm_sandboxes as variables of the "
                "hosts."
            )
            return {**result, "failed": True, "msg": text}
        variables = task_vars or {}
        host = str(variables["inventory_hostname"])
        if self._connection.transport == _SANDBOX:
            return {**result, "skipped": True, "skip_reason": f"{host} is a sandbox, not a host"}
        try:
            exchange = boolean(self._task.args.get("exchange", False))
        except TypeError as error:
            return {**result, "failed": True, "msg": f"exchange: {error}"}
        if exchange:
            return {**result, **self._exchange(host, variables)}
        unseen = _unseen(variables, variables["hostvars"].raw_get(host))
        if unseen:
            text = (
                f"Host '{host}': {' and '.join(unseen)} come from variables of the play, the task or a role, or from "
                "vars_files, which other hosts do not see. Declare them in inventory "
                "(group_vars, host_vars), as extra variables, or by set_fact or include_vars."
            )
            return {**result, "failed": True, "msg": text}
        answer = self._told(host, variables)
        told, everywhere = answer.own, answer.common
        for warning in (*everywhere.warnings, *told.warnings):
            self._display.warning(warning)
        if everywhere.problems:
            text = (
                f"Nothing was changed, because the inventory has mistakes. The failure of host '{answer.worker}' lists "
                "them."
            )
            text = message(everywhere.problems) if answer.worker == host else text
            return {**result, "failed": True, "msg": text}
        names = {item["name"] for item in told.networks}
        arguments = {
            "networks": told.networks,
            "sandboxes": told.sandboxes,
            "members": {name: packed for name, packed in everywhere.members.items() if name in names},
            "host": host,
        }
        result.update(self._execute_module("cnm.linux.topology", module_args=arguments, task_vars=variables))
        self._compare_mtus(host, result.get("networks") or (), everywhere.members)
        if "reports" in result:
            reports.leave(_folder() / "reports", host, result.pop("reports"))
        return result

    def _exchange(self, host: str, variables: Mapping[str, Any]) -> Dict[str, Any]:
        """Tell HOST what other hosts have reported, unless it has all of that."""
        unknown = reports.unknown(_folder() / "reports", host)
        if not unknown:
            return {"changed": False}
        arguments = {"exchange": True, "reports": unknown, "host": host}
        told: Dict[str, Any] = self._execute_module("cnm.linux.topology", module_args=arguments, task_vars=variables)
        return told

    def _compare_mtus(self, host: str, networks: Iterable[Mapping[str, Any]], overlays: Mapping[str, str]) -> None:
        """Warn of hosts whose MTUs for an overlay differ, so that larger packets are lost between them."""
        for network in networks:
            if network["Name"] in overlays:
                mtu = network["Host"]["Mtu"]
                folder = _folder() / "mtu"
                other, its = shared.first(folder, network["Name"], (host, mtu))
                if its != mtu:
                    self._display.warning(
                        f"Network '{network['Name']}': its MTU is {its} on host '{other}' and {mtu} on others, and the "
                        "larger packets get lost between them. Set driver option 'com.docker.network.driver.mtu' to "
                        f"{min(its, mtu)}, or give the hosts' interfaces one MTU."
                    )

    def _told(self, host: str, variables: Mapping[str, Any]) -> Answer[Told, Everywhere]:
        """Return the answer for HOST; the first host that gets here works out the answers for all."""
        inventory, hostvars = variables["groups"]["all"], variables["hostvars"]
        if host not in inventory:
            work = self._work((*inventory, host), hostvars)
            return Answer(work.answers[host], work.common, host)
        manager = self._task.get_variable_manager()
        together = sorted({host, *variables.get("ansible_play_batch", ())}.intersection(inventory))
        meeting = " ".join([self._task._uuid, *together]) if self._in_step() else None
        return shared.answer(
            _folder(),
            host,
            lambda names: digest(manager, manager._inventory, names),
            meeting,
            lambda: self._work(inventory, hostvars),
        )

    def _in_step(self) -> bool:
        """Whether the hosts of the batch run this task together, so that the results of one are valid for all.

        Hosts may run a handler at different times, between which variables can change.
        """
        return not isinstance(self._task, Handler) and self._task.get_play().strategy in _LOCKSTEP

    def _work(self, inventory: Iterable[str], hostvars: Any) -> Work[Told, Everywhere]:
        """Return the answer for each host of INVENTORY, from the declarations of all hosts."""
        problems: List[str] = []
        names = Names()
        # Not hostvars[name], which evaluates variables without hostvars, so hosts could not refer to each other.
        everything = {name: hostvars.raw_get(name) for name in sorted(set(inventory))}
        declarations = {
            name: self._declaration(name, {**variables, "hostvars": hostvars}, problems, names)
            for name, variables in everything.items()
            if variables.get("ansible_connection") != _SANDBOX
        }
        whole = Inventory(declarations, problems)
        answers = {host: whole.told(host) for host in declarations}
        return Work(answers, whole.everywhere(), None if names.beyond else names.found)

    def _declaration(self, host: str, raw: Dict[str, Any], problems: List[str], names: Names) -> Declaration:
        """Return what RAW, a host's variables, declares; variables that cannot be evaluated are problems."""
        values: Dict[str, Any] = {}
        names.add(VARIABLES, raw)
        templar = self._templar.copy_with_new_env(available_variables=raw)
        for name in VARIABLES:
            try:
                values[name] = templar.template(raw.get(name))
            except AnsibleError as error:
                problems.append(f"Host '{host}': the variable {name} cannot be evaluated: {error}.")
        for name in _OPTIONS:
            values[name] = _as_options(host, name, values.get(name), problems)
        return read(host, values, problems, misspelt(raw))


def _folder() -> Path:
    """Return the folder in which the processes of this run of Ansible leave their results for each other."""
    return Path(constants.DEFAULT_LOCAL_TMP, "cnm_topology")


def _unseen(here: Mapping[str, Any], everywhere: Mapping[str, Any]) -> List[str]:
    """Return which of our variables have a value HERE that a task for another host does not see."""
    return [name for name in OWN_VARIABLES if name in here and here[name] != everywhere.get(name)]


def _as_options(host: str, variable: str, items: Any, problems: List[str]) -> Any:
    """Return ITEMS converted to the types of the module's options, without those that it would refuse."""
    option, arguments = _OPTIONS[variable]
    if not isinstance(items, list):
        return items
    converted = examine({option: arguments[option]}, {option: items}, problems, f"Host '{host}': {variable}: ")[option]
    return [_given(item) for item in converted]


def _given(item: Any) -> Any:
    """Return ITEM without the options that are not given, which would be most of the data."""
    if not isinstance(item, dict):
        return item
    return {
        option: [_given(each) for each in value] if isinstance(value, list) else value
        for option, value in item.items()
        if value is not None
    }
