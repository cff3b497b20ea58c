# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What inventory says of networks and sandboxes, carried out on one host, with the whole of it in view."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ansible import constants
from ansible.errors import AnsibleError
from ansible.playbook.handler import Handler
from ansible.plugins.action import ActionBase

from ..module_utils._cnm.task import examine
from ..modules.cnm_network import ARGUMENTS as NETWORK
from ..modules.cnm_sandbox import ARGUMENTS as SANDBOX
from ..plugin_utils._topology import once
from ..plugin_utils._topology.declaration import OWN_VARIABLES, VARIABLES, Declaration, read
from ..plugin_utils._topology.inventory import Inventory, Told
from ..plugin_utils._topology.oversights import misspelt

_OPTIONS: Dict[str, Tuple[str, Mapping[str, Any]]] = {
    "cnm_networks": ("networks", NETWORK),
    "cnm_sandboxes": ("sandboxes", SANDBOX),
}
_LOCKSTEP = ("linear", "ansible.builtin.linear", "debug", "ansible.builtin.debug")
"""The strategies in which no host of a batch goes on before all have ended the task."""


class ActionModule(ActionBase):
    """Runs the module on the host, after it has looked at all hosts of the inventory."""

    _supports_check_mode = True
    _requires_connection = True
    TRANSFERS_FILES = False

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Return what has changed on the host, and its networks and sandboxes."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        if self._task.args:
            text = "topology takes no options; declare cnm_networks and cnm_sandboxes as variables of the hosts."
            return {**result, "failed": True, "msg": text}
        variables = task_vars or {}
        host = str(variables["inventory_hostname"])
        unseen = _unseen(variables, variables["hostvars"].raw_get(host))
        if unseen:
            text = (
                f"Host '{host}': {' and '.join(unseen)} come from variables of the play, the task or a role, or from "
                "vars_files, which do not count when other hosts look at this one. Declare them in inventory "
                "(group_vars, host_vars), as extra variables, or by set_fact or include_vars."
            )
            return {**result, "failed": True, "msg": text}
        told = self._told(host, variables)
        for warning in told.warnings:
            self._display.warning(warning)
        if told.problems:
            return {**result, "failed": True, "msg": " ".join(dict.fromkeys(told.problems))}
        arguments = {"networks": told.networks, "sandboxes": told.sandboxes}
        result.update(self._execute_module("cnm.linux.topology", module_args=arguments, task_vars=variables))
        return result

    def _told(self, host: str, variables: Mapping[str, Any]) -> Told:
        """Return what HOST is to be told, which the first host of the task to come here works out for all."""
        inventory = variables["groups"]["all"]
        if host not in inventory or not self._in_step():
            return self._work((*inventory, host), [host], variables["hostvars"])[host]
        # Who is not in the batch now, as it has failed before or its turn is later, may find other variables then.
        together = {host, *variables.get("ansible_play_batch", ())}.intersection(inventory)
        folder = Path(constants.DEFAULT_LOCAL_TMP, "cnm_topology", self._task._uuid)
        return once.answer(folder, host, lambda: self._work(inventory, together, variables["hostvars"]))

    def _in_step(self) -> bool:
        """Whether the hosts of the batch are at this task together, so that what one finds is so for all.

        Of handlers one host may be at another run than the next, between which variables can change.
        """
        return not isinstance(self._task, Handler) and self._task.get_play().strategy in _LOCKSTEP

    def _work(self, inventory: Iterable[str], hosts: Iterable[str], hostvars: Any) -> Dict[str, Told]:
        """Return what each of HOSTS is to be told, from the declarations of all hosts of INVENTORY."""
        problems: List[str] = []
        declarations = {name: self._declaration(name, hostvars, problems) for name in sorted(set(inventory))}
        found = Inventory(declarations, problems)
        return {host: found.told(host) for host in hosts}

    def _declaration(self, host: str, hostvars: Any, problems: List[str]) -> Declaration:
        """Return what a host's variables declare; what cannot be evaluated is a problem."""
        found: Dict[str, Any] = {}
        # Not hostvars[host], which evaluates variables without hostvars, by which hosts refer to each other.
        raw = {**hostvars.raw_get(host), "hostvars": hostvars}
        templar = self._templar.copy_with_new_env(available_variables=raw)
        for name in VARIABLES:
            try:
                found[name] = templar.template(raw.get(name))
            except AnsibleError as error:
                problems.append(f"Host '{host}': the variable {name} cannot be evaluated: {error}.")
        for name in _OPTIONS:
            found[name] = _as_options(host, name, found.get(name), problems)
        return read(host, found, problems, misspelt(raw))


def _unseen(here: Mapping[str, Any], everywhere: Mapping[str, Any]) -> List[str]:
    """Return which of our variables this task has HERE otherwise than a task for another host sees them."""
    return [name for name in OWN_VARIABLES if name in here and here[name] != everywhere.get(name)]


def _as_options(host: str, variable: str, items: Any, problems: List[str]) -> Any:
    """Return ITEMS as the module would have them: of the types of its options, None for what is not given.

    Those that it would not take are left out.
    """
    option, arguments = _OPTIONS[variable]
    if not isinstance(items, list):
        return items
    return examine({option: arguments[option]}, {option: items}, problems, f"Host '{host}': {variable}: ")[option]
