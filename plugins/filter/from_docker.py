# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks that Docker has, for the inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: from_docker
short_description: Networks of Docker, for the inventory
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Takes what C(docker network inspect) prints, and returns the same networks as the variable C(cnm_networks) has them,
    and what cannot be carried over.
  - The predefined networks and C(docker_gwbridge) are left out.
  - As long as Docker has a network, its subnet is in use on the host. So remove it there before M(cnm.linux.topology)
    creates it.
  - The playbook C(cnm.linux.from_docker) does this for all hosts.
options:
  _input:
    description: The networks, as C(docker network inspect) prints them.
    type: list
    elements: dict
    required: true
seealso:
  - module: cnm.linux.topology
  - plugin: cnm.linux.from_compose
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read Docker's networks
  ansible.builtin.shell: docker network inspect $(docker network ls --quiet)
  register: inspected
  changed_when: false

- name: Show them
  ansible.builtin.debug:
    msg: "{{ inspected.stdout | from_json | cnm.linux.from_docker }}"
"""

RETURN = r"""
_value:
  description: The networks, and what cannot be carried over.
  type: dict
  contains:
    networks:
      description: The networks, as in C(cnm_networks).
      type: list
      elements: dict
    differences:
      description: A sentence for each difference.
      type: list
      elements: str
"""

from typing import Any, Callable, Dict

from ansible.errors import AnsibleFilterError

from ..plugin_utils._docker.inspected import networks


def from_docker(inspected: Any) -> Dict[str, Any]:
    """Return the networks that Docker has INSPECTED, and what cannot be carried over."""
    try:
        carried = networks(inspected)
    except ValueError as error:
        raise AnsibleFilterError(f"from_docker: {error}") from error
    return {"networks": carried.items, "differences": carried.differences}


class FilterModule:
    """The filter."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return it by its name."""
        return {"from_docker": from_docker}
