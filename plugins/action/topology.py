# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What inventory says of networks and sandboxes, carried out on one host, with the whole of it in view."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ..modules.cnm_network import ARGUMENTS as NETWORK
from ..modules.cnm_sandbox import ARGUMENTS as SANDBOX
from ..plugin_utils._topology.declaration import VARIABLES, read
from ..plugin_utils._topology.inventory import Inventory

_MODULES: Dict[str, Tuple[str, Dict[str, Any]]] = {
    "cnm_networks": ("networks", NETWORK),
    "cnm_sandboxes": ("sandboxes", SANDBOX),
}


class ActionModule(ActionBase):
    """Runs the module on the host, after it has looked at all hosts of the inventory."""

    _supports_check_mode = True
    _requires_connection = True
    TRANSFERS_FILES = False

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Return what has changed on the host, and its networks and sandboxes."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        self.validate_argument_spec(argument_spec={})
        variables = task_vars or {}
        host = str(variables["inventory_hostname"])
        problems: List[str] = []
        declarations = {
            name: read(name, self._declared(name, host, variables["hostvars"], problems), problems)
            for name in sorted({*variables["groups"]["all"], host})
        }
        inventory = Inventory(declarations, problems)
        if problems:
            return {**result, "failed": True, "msg": " ".join(dict.fromkeys(problems))}
        arguments = {"networks": inventory.networks(host), "sandboxes": inventory.sandboxes(host)}
        result.update(self._execute_module("cnm.linux.topology", module_args=arguments, task_vars=variables))
        return result

    def _declared(self, host: str, own: str, hostvars: Any, problems: List[str]) -> Dict[str, Any]:
        """Return what matters of a host's variables; what cannot be evaluated is a problem."""
        found: Dict[str, Any] = {}
        # Not hostvars[host], which evaluates variables without hostvars, by which hosts refer to each other.
        raw = {**hostvars.raw_get(host), "hostvars": hostvars}
        templar = self._templar.copy_with_new_env(available_variables=raw)
        for name in VARIABLES:
            try:
                found[name] = templar.template(raw.get(name))
            except AnsibleError as error:
                problems.append(f"Host '{host}': the variable {name} cannot be evaluated: {error}.")
        # What others have to know of a sandbox is looked at with its network; the rest is the host's own.
        for name in ("cnm_networks", "cnm_sandboxes") if host == own else ("cnm_networks",):
            found[name] = _as_options(host, name, found.get(name), problems)
        return found


def _as_options(host: str, variable: str, items: Any, problems: List[str]) -> Any:
    """Return ITEMS as the module would have them: of the types of its options, None for what is not given."""
    option, arguments = _MODULES[variable]
    if not isinstance(items, list):
        return items
    validated = ArgumentSpecValidator(arguments).validate({option: items})
    problems += [f"Host '{host}': {variable}: {sentence}." for sentence in validated.error_messages]
    return [] if validated.error_messages else validated.validated_parameters[option]
