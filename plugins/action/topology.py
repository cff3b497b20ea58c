# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What inventory says of networks and sandboxes, carried out on one host, with the whole of it in view."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..plugin_utils._topology.declaration import VARIABLES, read
from ..plugin_utils._topology.inventory import Inventory


class ActionModule(ActionBase):
    """Runs the modules on the host, after it has looked at all hosts of the inventory."""

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
            name: read(name, self._declared(name, variables["hostvars"], problems), problems)
            for name in sorted({*variables["groups"]["all"], host})
        }
        inventory = Inventory(declarations, problems)
        if problems:
            return {**result, "failed": True, "msg": " ".join(dict.fromkeys(problems))}
        networks, sandboxes = inventory.networks(host), inventory.sandboxes(host)
        kept = [item for item in networks if item.get("state") != "absent"]
        gone = [item for item in networks if item.get("state") == "absent"]
        result.update(changed=False, diff=[], networks=[], sandboxes=[])
        for kind, items in (("networks", kept), ("sandboxes", sandboxes), ("networks", gone)):
            if items and not self._carry_out(kind, items, variables, result):
                break
        return result

    def _declared(self, host: str, hostvars: Mapping[str, Any], problems: List[str]) -> Dict[str, Any]:
        """Return what matters of a host's variables; what cannot be evaluated is a problem."""
        found: Dict[str, Any] = {}
        for name in VARIABLES:
            try:
                found[name] = hostvars[host].get(name)
            except AnsibleError as error:
                problems.append(f"Host '{host}': the variable {name} cannot be evaluated: {error}.")
        return found

    def _carry_out(
        self, kind: str, items: List[Dict[str, Any]], variables: Dict[str, Any], result: Dict[str, Any]
    ) -> bool:
        """Run the module for ITEMS and add what it says to RESULT; say whether it succeeded."""
        module = {"networks": "cnm.linux.cnm_network", "sandboxes": "cnm.linux.cnm_sandbox"}[kind]
        done = self._execute_module(module_name=module, module_args={kind: items}, task_vars=variables)
        if done.get("failed") or done.get("unreachable"):
            changed = result["changed"]
            result.update(done)
            result["changed"] = changed
            return False
        result["changed"] = result["changed"] or done.get("changed", False)
        result["diff"] += done.get("diff", [])
        result[kind] += done.get(kind, [])
        for key in ("warnings", "deprecations"):
            if done.get(key):
                result.setdefault(key, []).extend(done[key])
        return True
