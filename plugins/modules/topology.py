#!/usr/bin/python

# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks and sandboxes in one run: documentation and the way into the core; see also plugins/action/topology.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: topology
short_description: Apply the networks and sandboxes that the inventory declares
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Applies on each host what its variables C(cnm_networks) and C(cnm_sandboxes) declare, in a single task.
  - C(cnm_networks) is a list for M(cnm.linux.cnm_network), and C(cnm_sandboxes) a list for M(cnm.linux.cnm_sandbox).
    First V(absent) sandboxes are removed, then networks are created, then sandboxes, and finally V(absent) networks are
    removed.
  - Set these variables in the inventory. Extra variables, M(ansible.builtin.set_fact) and
    M(ansible.builtin.include_vars) also work. The task refuses C(vars) of a play or a task, C(vars_files) and variables
    of roles, because tasks for other hosts do not see them.
  - It reads the variables of all hosts of the inventory, including those that C(--limit) leaves out. It needs no facts,
    and connects only to the host that it runs for. So each host is told about the others even if they are down.
  - An overlay is a network in C(cnm_networks) with O(cnm.linux.cnm_network#module:driver=overlay). It exists on the
    hosts that declare it, and each of them gets the others as its O(cnm.linux.cnm_network#module:peers).
  - The address at which others reach a host is its variable C(cnm_vtep_address). The default is its C(ansible_host) if
    that is an address, otherwise its name if that is an address. If a 1:1 NAT translates this address, the variable
    C(cnm_vtep_local_address) is the host's own address.
  - If a host chooses addresses, it chooses them from its own slice of each subnet. A subnet is cut into slices of one
    size. Half of its host bits, rounded down, number the slices, so that V(10.9.0.0/16) has 256 slices of 256
    addresses, and V(10.9.1.0/24) has 16 of 16. The variable C(cnm_host_number), from 0 on, is the number of the host's
    slice. By default, the number is derived from the host's name. Neither depends on other hosts, so slices do not
    change when hosts are added or removed. If all addresses are fixed, no slices are needed. If two hosts have the same
    slice, they are refused; give the newer one a number. O(cnm.linux.cnm_network#module:ipam_config[].iprange) of a
    host replaces its slice.
  - With the driver option C(cnm.overlay.control=etcd), hosts find each other in etcd, and claim their slices there.
    They need neither C(cnm_vtep_address) nor C(cnm_host_number). What one host leaves out of the network is as another
    host declares it. With C(cnm.overlay.slices=false), hosts have no slices.
  - Sandboxes with fixed addresses are known by name on all hosts of the network. Sandboxes whose addresses are chosen
    are known after a second task with O(exchange=true).
  - Without the driver option C(cnm.overlay.learning), a host does not learn the location of endpoints if it knows all
    of them, the network has no C(engines), and no endpoint is missing from the inventory. Then forwarding entries are
    preconfigured, and nothing is sent to hosts that it does not concern.
  - If a sandbox moves to another host with its fixed address, it leaves the network on its old host. Declare it there
    as V(absent) to remove it.
  - Everything that follows from the inventory alone is checked for all hosts before the first host is touched.
extends_documentation_fragment:
  - cnm.linux._attributes.alone
  - cnm.linux._attributes.changes
  - cnm.linux._host
options:
  networks:
    description:
      - The networks of the host, from C(cnm_networks). The task itself takes no options.
    type: list
    elements: dict
    default: []
  sandboxes:
    description:
      - The sandboxes of the host, from C(cnm_sandboxes). The task itself takes no options.
    type: list
    elements: dict
    default: []
  members:
    description:
      - The hosts of each overlay and their endpoints, packed, by name of the network. The task itself takes no options.
    type: dict
    default: {}
  host:
    description:
      - The name of the host in the inventory. The task itself takes no options.
    type: str
    default: ''
  exchange:
    description:
      - Only tell the host what other hosts have reported. Other hosts report when this task runs for them without this
        option, in the same run of C(ansible-playbook).
      - A host reports its running endpoints on overlays of which the inventory does not give all addresses. These are
        sandboxes with addresses that the host has chosen, and containers and sandboxes that are not in the inventory.
      - The reports are stored on the managed hosts. They are kept until the next report of the same host, or until that
        host leaves the network in the inventory.
      - If a host has all reports already, the task does not connect to it.
    type: bool
    default: false
  reports:
    description:
      - What other hosts have reported, packed, by name of the network. The task itself takes no options.
    type: dict
    default: {}
seealso:
  - module: cnm.linux.cnm_network
  - module: cnm.linux.cnm_sandbox
"""

EXAMPLES = r"""
# cnm_networks:
#   - name: blue
#     driver: overlay
#     ipam_config:
#       - subnet: 10.9.0.0/16
# cnm_sandboxes:
#   - name: db
#     networks:
#       - name: blue
#         ipv4_address: 10.9.1.10
- name: Apply the networks and sandboxes of the inventory
  cnm.linux.topology:

- name: Tell each host what the others have chosen
  cnm.linux.topology:
    exchange: true
"""

RETURN = r"""
networks:
  description:
    - The networks of C(cnm_networks), as M(cnm.linux.cnm_network) returns them, but without C(Peers) and the sandboxes
      of other hosts. M(cnm.linux.cnm_network_info) shows these.
  returned: success, unless O(exchange=true)
  type: list
  elements: dict
sandboxes:
  description: The sandboxes of C(cnm_sandboxes), as M(cnm.linux.cnm_sandbox) returns them.
  returned: success, unless O(exchange=true)
  type: list
  elements: dict
"""

from ansible_collections.cnm.linux.plugins.module_utils._cnm.task import run_topology

ARGUMENTS: dict[str, object] = {
    "networks": {"type": "list", "elements": "dict", "default": []},
    "sandboxes": {"type": "list", "elements": "dict", "default": []},
    "members": {"type": "dict", "default": {}},
    "host": {"type": "str", "default": ""},
    "exchange": {"type": "bool", "default": False},
    "reports": {"type": "dict", "default": {}},
}


def main() -> None:
    """Run the module."""
    run_topology(ARGUMENTS)


if __name__ == "__main__":
    main()
