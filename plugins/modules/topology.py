#!/usr/bin/python

# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks and sandboxes in one run: documentation and the way into the core; see also plugins/action/topology.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: topology
short_description: Make the networks and sandboxes that the inventory declares
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Makes on each host what its variables C(cnm_networks) and C(cnm_sandboxes) declare, one task for all of it.
  - C(cnm_networks) is a list for M(cnm.linux.cnm_network), C(cnm_sandboxes) one for M(cnm.linux.cnm_sandbox).
    Sandboxes that are V(absent) go first, then networks are made and sandboxes after them, then networks that are
    V(absent) go.
  - These variables belong in the inventory. Extra variables, M(ansible.builtin.set_fact) and
    M(ansible.builtin.include_vars) do as well. The task refuses C(vars) of a play or a task, C(vars_files) and
    variables of roles, as they do not count when other hosts look at this one.
  - It looks at all hosts of the inventory, also at those that a play's C(--limit) leaves out, and needs no facts and
    no connection to any but the host that it runs for. So each host is told of the others although they may be down.
  - An overlay is a network of C(cnm_networks) with O(cnm.linux.cnm_network#module:driver=overlay). The hosts that
    declare it have it, and each gets the others as its O(cnm.linux.cnm_network#module:peers).
  - The address at which others reach a host is its variable C(cnm_vtep_address), or else its C(ansible_host) if that
    is an address, or else its name if that is one. Where a 1:1 NAT translates that address, the variable
    C(cnm_vtep_local_address) is the one that the host itself has.
  - Where a host chooses addresses, it does so from its own slice of each subnet. A subnet is cut into slices of one
    size. Half of its host bits, rounded down, number the slices, so that V(10.9.0.0/16) has 256 slices of 256
    addresses, and V(10.9.1.0/24) has 16 of 16. A host has the slice with the number in its variable
    C(cnm_host_number), from 0 on, or else the one that follows from its name. Neither depends on other hosts, so
    nobody's slice changes when hosts come and go. Where all addresses are fixed, nobody needs a slice. Two hosts
    that come to the same slice are refused, and a number for the newer one helps. A host that gives
    O(cnm.linux.cnm_network#module:ipam_config[].iprange) has that instead.
  - Sandboxes with fixed addresses are known by name on all hosts of the network. If all sandboxes on a network have
    fixed addresses of all its families, the hosts need not learn where they are, C(cnm.overlay.learning) is
    V(false), and nothing is sent to hosts that it does not concern.
  - A sandbox that moves to another host with its fixed address leaves the network on the host that it comes from.
    Declare it there as V(absent) to remove it.
  - What can be told from the inventory alone is checked for all hosts before the first is touched.
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
      - The hosts of each overlay and their endpoints, packed, by the network's name. The task itself takes no options.
    type: dict
    default: {}
  host:
    description:
      - The name of the host in the inventory. The task itself takes no options.
    type: str
    default: ''
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
- name: Networks and sandboxes as inventory has them
  cnm.linux.topology:
"""

RETURN = r"""
networks:
  description:
    - The networks of C(cnm_networks), as M(cnm.linux.cnm_network) returns them, but without what other hosts have of
      them, neither C(Peers) nor sandboxes. M(cnm.linux.cnm_network_info) shows that.
  returned: success
  type: list
  elements: dict
sandboxes:
  description: The sandboxes of C(cnm_sandboxes), as M(cnm.linux.cnm_sandbox) returns them.
  returned: success
  type: list
  elements: dict
"""

from ansible_collections.cnm.linux.plugins.module_utils._cnm.task import run_topology

ARGUMENTS: dict[str, object] = {
    "networks": {"type": "list", "elements": "dict", "default": []},
    "sandboxes": {"type": "list", "elements": "dict", "default": []},
    "members": {"type": "dict", "default": {}},
    "host": {"type": "str", "default": ""},
}


def main() -> None:
    """Run the module."""
    run_topology(ARGUMENTS)


if __name__ == "__main__":
    main()
