# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address of an endpoint of a sandbox."""

from __future__ import annotations

DOCUMENTATION = r"""
name: endpoint_address
short_description: Address of a sandbox on a network
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Returns the address that sandboxes have on a network.
  - It looks at the variables C(cnm_sandboxes) of all hosts of the inventory, and at the sandboxes that the inventory
    plugin P(cnm.linux.sandboxes#inventory) has added. So it works before the sandbox exists, and connects to no host.
  - An address that the host chooses is known only if that plugin has asked the host, with its option C(live).
  - If several hosts have a sandbox with this name on the network, it takes the one of the host that the task is for.
options:
  _terms:
    description: Names of sandboxes.
    type: list
    elements: str
    required: true
  network:
    description: The name of the network. It can be left out if the sandbox is on one network only.
    type: str
  host:
    description: The name of the host that the sandbox is on.
    type: str
  ip_version:
    description: The address family.
    type: int
    choices: [4, 6]
    default: 4
seealso:
  - plugin: cnm.linux.sandboxes
    plugin_type: inventory
  - module: cnm.linux.cnm_endpoint_info
"""

EXAMPLES = r"""
- name: Tell the application where its database is
  ansible.builtin.copy:
    content: "DATABASE={{ lookup('cnm.linux.endpoint_address', 'db', network='back') }}:5432\n"
    dest: /etc/shop.conf
    mode: "0644"
"""

RETURN = r"""
_raw:
  description: The address of each sandbox.
  type: list
  elements: str
"""

from typing import Any, Dict, Iterator, List, Mapping, Optional

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils._sandboxes.known import Known, declared


class LookupModule(LookupBase):
    """Returns addresses of endpoints."""

    def run(self, terms: List[str], variables: Optional[Mapping[str, Any]] = None, **kwargs: Any) -> List[str]:
        """Return the address of each sandbox in TERMS."""
        self.set_options(var_options=variables, direct=kwargs)
        known = variables or {}
        here = known.get("cnm_sandbox_host", known.get("inventory_hostname"))
        on_hosts: Dict[str, Dict[str, Known]] = {}
        for host, sandbox in self._sandboxes(known):
            if sandbox.name in terms and self.get_option("host") in (None, host):
                on_hosts.setdefault(sandbox.name, {})[host] = sandbox
        return [self._address(name, on_hosts.get(name, {}), here) for name in terms]

    def _sandboxes(self, variables: Mapping[str, Any]) -> Iterator[tuple[str, Known]]:
        """Yield each sandbox with the name of its host; those that the inventory plugin has added come last."""
        live = []
        for host in variables["groups"]["all"]:
            raw = {**variables["hostvars"].raw_get(host), "hostvars": variables["hostvars"]}
            if raw.get("ansible_connection") == "cnm.linux.sandbox":
                if "cnm_sandbox_networks" in raw:
                    live.append((raw["cnm_sandbox_host"], Known(raw["cnm_sandbox"], {}, raw["cnm_sandbox_networks"])))
                continue
            templar = self._templar.copy_with_new_env(available_variables=raw)
            try:
                for sandbox in declared(raw.get("cnm_sandboxes"), templar.template):
                    yield host, sandbox
            except ValueError as error:
                raise AnsibleError(f"Host '{host}': {error}") from error
        yield from live

    def _address(self, name: str, on_hosts: Mapping[str, Known], here: Optional[str]) -> str:
        """Return the address of the sandbox NAME, which is FOUND on some hosts.

        :raises AnsibleError: if it is not known
        """
        network = self.get_option("network")
        on_it = {host: each for host, each in on_hosts.items() if network is None or network in each.networks}
        at = f" on network '{network}'" if network else ""
        if not on_it:
            where = f" of host '{self.get_option('host')}'" if self.get_option("host") else ""
            raise AnsibleError(f"The inventory declares no sandbox '{name}'{where}{at}.")
        if here in on_it:
            on_it = {str(here): on_it[str(here)]}
        if len(on_it) > 1:
            raise AnsibleError(f"Hosts {', '.join(sorted(on_it))} have a sandbox '{name}'{at}. Give host.")
        ((host, sandbox),) = on_it.items()
        if network is None and len(sandbox.networks) != 1:
            names = ", ".join(sandbox.networks) or "none"
            raise AnsibleError(f"Sandbox '{name}' is not on one network, but on these: {names}. Give network.")
        network = network or next(iter(sandbox.networks))
        version = self.get_option("ip_version")
        address = sandbox.networks[network].get(f"ipv{version}_address")
        if not address:
            raise AnsibleError(
                f"The IPv{version} address of sandbox '{name}' on network '{network}' is not known, because the "
                f"inventory declares none. If host '{host}' chooses it, use the inventory plugin cnm.linux.sandboxes "
                "with live: true."
            )
        return str(address)
