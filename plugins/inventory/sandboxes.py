# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandboxes of the inventory's hosts, as hosts of the inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sandboxes
short_description: Sandboxes as hosts of the inventory
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Adds a host to the inventory for each sandbox that runs on another host of the inventory. Tasks for such a host run
    in the sandbox, through the connection plugin P(cnm.linux.sandbox#connection).
  - It knows the sandboxes that the variables C(cnm_sandboxes) of the hosts declare, and with O(live=true) also those
    that the hosts list. Sandboxes that are stopped or absent are left out.
  - Its file must come after those that declare the hosts. In a folder, files are read in the order of their names.
  - A sandbox gets the variables of its host whose names begin with C(ansible_), so that it is reached in the same way,
    and the variables C(cnm_sandbox), its name, C(cnm_sandbox_host), C(cnm_sandbox_labels) and C(cnm_sandbox_networks),
    a dictionary from the names of its networks to C(ipv4_address) and C(ipv6_address). An address is null if the host
    chooses it and O(live=false).
  - A sandbox is in the groups C(cnm_sandboxes), C(cnm_host_<host>), C(cnm_network_<network>) and
    C(cnm_label_<key>_<value>).
  - The playbooks of this collection leave the group C(cnm_sandboxes) out. In your own plays, write
    C(all:!cnm_sandboxes) instead of C(all) for tasks that belong on hosts.
extends_documentation_fragment:
  - ansible.builtin.constructed
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices:
      - cnm.linux.sandboxes
  hosts:
    description: The hosts whose sandboxes are added, as a pattern such as V(web:!web1).
    type: str
    default: all
  live:
    description:
      - Whether to ask the hosts which sandboxes they have. What they answer has precedence.
      - They need the command C(cnm) of the role C(cnm.linux.host), and the user who logs in must be root, or become
        root with C(cnm_sandbox_root_command) (see P(cnm.linux.sandbox#connection)).
      - A host that does not answer is a warning, or an error with O(strict=true).
    type: bool
    default: false
  hostname:
    description: A Jinja2 expression for the name of a sandbox in the inventory.
    type: str
    default: cnm_sandbox ~ '.' ~ cnm_sandbox_host
seealso:
  - plugin: cnm.linux.sandbox
    plugin_type: connection
  - module: cnm.linux.topology
"""

EXAMPLES = r"""
# sandboxes.yml, in the folder of the inventory: what the inventory declares
plugin: cnm.linux.sandboxes
---
# What runs on the hosts of group web, with groups by the label "tier" that are called tier_<value>
plugin: cnm.linux.sandboxes
hosts: web
live: true
keyed_groups:
  - key: cnm_sandbox_labels.tier
    prefix: tier
"""

import fnmatch
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Mapping, Tuple

from ansible import constants
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.helpers import get_group_vars
from ansible.module_utils.common.text.converters import to_text
from ansible.playbook.play_context import PlayContext
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable
from ansible.plugins.loader import connection_loader
from ansible.utils.vars import combine_vars
from ansible.vars.plugins import get_vars_from_inventory_sources

from ..plugin_utils._sandboxes.entry import as_root
from ..plugin_utils._sandboxes.known import Known, declared, listed

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19

    def trust_as_template(value: str) -> str:
        """Return VALUE, which these versions evaluate."""
        return value


_GROUP = "cnm_sandboxes"
_ROOT_COMMAND = "sudo -n -H"
Variables = Mapping[str, Any]


class InventoryModule(BaseInventoryPlugin, Constructable):
    """Adds sandboxes to the inventory."""

    NAME = "cnm.linux.sandboxes"

    def verify_file(self, path: str) -> bool:
        """Return whether PATH may be a file for this plugin."""
        return bool(super().verify_file(path)) and path.endswith(("sandboxes.yml", "sandboxes.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add the sandboxes of the hosts in INVENTORY, as the file at PATH wants it."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        # So that each host is in the group all, with its variables.
        inventory.reconcile_inventory()
        variables = {name: self._variables(host) for name, host in inventory.hosts.items()}
        wanted = [name for name in self._matching() if "cnm_sandbox_host" not in variables[name]]
        known = {name: {each.name: each for each in self._declared(name, variables)} for name in wanted}
        if self.get_option("live"):
            for name, sandboxes in self._live(wanted, variables):
                known[name].update({each.name: each for each in sandboxes})
        inventory.add_group(_GROUP)
        for name in wanted:
            for sandbox in known[name].values():
                self._add(sandbox, name, variables[name])

    def _matching(self) -> List[str]:
        """Return the names of the hosts that the option ``hosts`` selects, in order."""
        pattern = self.get_option("hosts")
        names: List[str] = []
        for part in pattern.replace(",", ":").split(":"):
            if part.startswith(("!", "&")):
                inside = self._named(part[1:])
                names = [name for name in names if (name in inside) == part.startswith("&")]
            else:
                names += [name for name in self._named(part) if name not in names]
        return names

    def _named(self, name: str) -> List[str]:
        """Return the hosts that are called NAME, or are in the group NAME; NAME may have wildcards."""
        groups = fnmatch.filter(self.inventory.groups, name)
        hosts = [host.name for group in groups for host in self.inventory.groups[group].get_hosts()]
        hosts += fnmatch.filter(self.inventory.hosts, name)
        if not groups and not hosts:
            raise AnsibleParserError(f"hosts: the inventory has neither a group nor a host '{name}'")
        return list(dict.fromkeys(hosts))

    def _variables(self, host: Any) -> Dict[str, Any]:
        """Return the variables of HOST in the inventory and the files beside it, not evaluated."""
        sources = self.inventory.processed_sources
        groups = list({self.inventory.groups["all"], *host.get_groups()})
        variables = combine_vars(
            get_group_vars(groups), get_vars_from_inventory_sources(self.loader, sources, groups, "all")
        )
        own = combine_vars(host.get_vars(), get_vars_from_inventory_sources(self.loader, sources, [host], "all"))
        return dict(combine_vars(variables, own))

    def _template(self, value: Any, host: str, variables: Mapping[str, Variables]) -> Any:
        """Return VALUE, a variable of HOST, with its templates evaluated."""
        self.templar.available_variables = {**variables[host], "hostvars": variables, "inventory_hostname": host}
        return self.templar.template(value)

    def _complain(self, host: str, text: object) -> None:
        """Warn of what TEXT says about HOST, or raise it if the option ``strict`` asks for that."""
        if self.get_option("strict"):
            raise AnsibleParserError(f"Host '{host}': {text}")
        self.display.warning(f"Host '{host}': its sandboxes are left out: {text}")

    def _declared(self, host: str, variables: Mapping[str, Variables]) -> List[Known]:
        try:
            raw = variables[host].get("cnm_sandboxes")
            return list(declared(raw, lambda value: self._template(value, host, variables)))
        except (AnsibleError, ValueError) as error:
            self._complain(host, error)
            return []

    def _live(self, hosts: List[str], variables: Mapping[str, Variables]) -> List[Tuple[str, List[Known]]]:
        """Return the sandboxes that each of HOSTS lists; those that do not answer are left out."""
        connections = []
        for host in hosts:
            try:
                connections.append((host, *self._connection(host, variables)))
            except AnsibleError as error:
                self._complain(host, error)
        answers = []
        with ThreadPoolExecutor(constants.DEFAULT_FORKS) as threads:
            asked = [(host, threads.submit(_ask, connection, root)) for host, connection, root in connections]
            for host, answer in asked:
                try:
                    answers.append((host, answer.result()))
                except (AnsibleError, ValueError, OSError) as error:
                    self._complain(host, error)
        return answers

    def _connection(self, host: str, variables: Mapping[str, Variables]) -> Tuple[Any, str]:
        """Return a connection to HOST, and what makes its user root."""

        def value(name: str, default: Any) -> Any:
            return self._template(variables[host].get(name, default), host, variables)

        name = value("ansible_connection", constants.DEFAULT_TRANSPORT)
        name = "ssh" if name == "smart" else name
        context = PlayContext()
        context.connection = name
        context.remote_addr = value("ansible_host", host)
        connection = connection_loader.get(name, context, os.devnull)
        if connection is None:
            raise AnsibleError(f"the connection plugin '{name}' was not found")
        options = {
            one: value(one, None)
            for one in constants.config.get_plugin_vars("connection", connection._load_name)
            if one in variables[host]
        }
        connection.set_options(var_options={"inventory_hostname": host, **options})
        return connection, value("cnm_sandbox_root_command", _ROOT_COMMAND)

    def _add(self, sandbox: Known, host: str, variables: Variables) -> None:
        """Add SANDBOX of HOST, which has VARIABLES, to the inventory."""
        own: Dict[str, Any] = {"ansible_host": host}
        for name, value in variables.items():
            if name.startswith("ansible_") and name != "ansible_connection":
                own[name] = _of(host, name, value)
        own["ansible_connection"] = "cnm.linux.sandbox"
        if "ansible_connection" in variables:
            own["cnm_sandbox_connection"] = _of(host, "ansible_connection", variables["ansible_connection"])
        own["cnm_sandbox"] = sandbox.name
        own["cnm_sandbox_host"] = host
        own["cnm_sandbox_labels"] = dict(sandbox.labels)
        own["cnm_sandbox_networks"] = {name: dict(each) for name, each in sandbox.networks.items()}
        name = str(self._compose(self.get_option("hostname"), own))
        if name in self.inventory.hosts:
            text = f"sandbox '{sandbox.name}' would have the name of another host, '{name}'. Change hostname."
            raise AnsibleParserError(f"Host '{host}': {text}")
        groups = [_GROUP, f"cnm_host_{host}", *(f"cnm_network_{network}" for network in sandbox.networks)]
        groups += [f"cnm_label_{key}_{value}" for key, value in sandbox.labels.items()]
        for group in groups:
            self.inventory.add_host(name, self.inventory.add_group(self._sanitize_group_name(group)))
        for key, value in own.items():
            self.inventory.set_variable(name, key, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), own, name, strict)
        self._add_host_to_composed_groups(self.get_option("groups"), own, name, strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), own, name, strict)


def _of(host: str, name: str, value: Any) -> Any:
    """Return VALUE of HOST's variable NAME for another host: what has templates is evaluated for HOST."""
    if isinstance(value, (dict, list)) or (isinstance(value, str) and "{" in value):
        return trust_as_template(f"{{{{ hostvars[{host!r}][{name!r}] }}}}")
    return value


def _ask(connection: Any, root_command: str) -> List[Known]:
    """Return the sandboxes that the host at the other end of CONNECTION lists.

    :raises AnsibleError: if it cannot be reached, or refuses
    """
    command = as_root("cnm sandbox ls --format json", root_command)
    try:
        status, output, errors = connection.exec_command(command, sudoable=False)
    finally:
        connection.close()
    if status != 0:
        raise AnsibleError(f"'{command}' failed: {to_text(errors).strip()}")
    return listed(to_text(output))
