# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks and sandboxes of a compose file, for the inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: from_compose
short_description: Networks and sandboxes of a compose file, for the inventory
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Takes a compose file as C(docker compose config) prints it, and returns its networks and services as the variables
    C(cnm_networks) and C(cnm_sandboxes) have them, and what cannot be carried over.
  - Each container of a service is a sandbox with Compose's name. It is found by the name of the service, too. Its
    program is not started; start it in the sandbox.
  - External networks are left out. They must exist.
options:
  _input:
    description: The compose file. Let C(docker compose config) or C(docker-compose config) read it, which fills in
      variables and files that it extends.
    type: dict
    required: true
  project:
    description: The name of the project. It is needed if the file does not have it, as from C(docker-compose).
    type: str
    default: ''
seealso:
  - module: cnm.linux.topology
  - plugin: cnm.linux.from_docker
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read a compose file
  ansible.builtin.command: docker-compose --file shop/docker-compose.yml config
  register: shop
  changed_when: false

- name: Create its networks
  cnm.linux.cnm_network:
    networks: "{{ (shop.stdout | from_yaml | cnm.linux.from_compose(project='shop')).networks }}"

- name: Create its sandboxes
  cnm.linux.cnm_sandbox:
    sandboxes: "{{ (shop.stdout | from_yaml | cnm.linux.from_compose(project='shop')).sandboxes }}"
"""

RETURN = r"""
_value:
  description: The networks and sandboxes, and what cannot be carried over.
  type: dict
  contains:
    networks:
      description: The networks, as in C(cnm_networks).
      type: list
      elements: dict
    sandboxes:
      description: The sandboxes, as in C(cnm_sandboxes).
      type: list
      elements: dict
    differences:
      description: A sentence for each difference.
      type: list
      elements: str
"""

from typing import Any, Callable, Dict

from ansible.errors import AnsibleFilterError

from ..plugin_utils._docker.composed import composed


def from_compose(document: Any, project: str = "") -> Dict[str, Any]:
    """Return the networks and sandboxes of the compose file DOCUMENT, and what cannot be carried over."""
    try:
        return composed(document, project)._asdict()
    except ValueError as error:
        raise AnsibleFilterError(f"from_compose: {error}") from error


class FilterModule:
    """The filter."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return it by its name."""
        return {"from_compose": from_compose}
