#!/usr/bin/python

# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about endpoints: argument spec, documentation and the way into the core."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cnm_endpoint_info
short_description: Return endpoints of the Container Network Model
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Returns the endpoints of a Linux host, all of them or those that match the filters.
  - Nothing on the host is changed. An endpoint that does not exist is not an error.
extends_documentation_fragment:
  - cnm.linux._attributes
  - cnm.linux._attributes.info
  - cnm.linux._host.info
options:
  name:
    description:
      - The endpoints to return, by name, id or prefix of an id. Those that do not exist are left out.
      - If several ids have the prefix, all of them are returned.
    type: list
    elements: str
  network:
    description:
      - Returns only endpoints of this network, given by its name, its id or a unique prefix of the id.
      - If the network does not exist, the result is empty.
    type: str
  sandbox:
    description:
      - Returns only endpoints in this sandbox, given by its name, its id or a unique prefix of the id.
      - If the sandbox does not exist, the result is empty.
    type: str
seealso:
  - module: cnm.linux.cnm_endpoint
  - module: cnm.linux.cnm_network_info
  - module: cnm.linux.cnm_sandbox_info
"""

EXAMPLES = r"""
- name: A network
  cnm.linux.cnm_network:
    name: backend
    ipam_config:
      - subnet: 10.77.0.0/16

- name: A sandbox, which gets an endpoint with its name
  cnm.linux.cnm_sandbox:
    name: db
    networks:
      - name: backend

- name: An endpoint without a sandbox
  cnm.linux.cnm_endpoint:
    name: reserved
    network: backend
    ipv4_address: 10.77.0.10

- name: Get one endpoint
  cnm.linux.cnm_endpoint_info:
    name: reserved
  register: found

- name: Use the result
  ansible.builtin.assert:
    that:
      - found.endpoints | length == 1
      - found.endpoints[0].State == 'left'
      - found.endpoints[0].IPv4Address == '10.77.0.10/16'
      - found.endpoints[0].MacAddress == '02:42:0a:4d:00:0a'

- name: Get all endpoints of a network
  cnm.linux.cnm_endpoint_info:
    network: backend
  register: attached

- name: Get the endpoints in a sandbox
  cnm.linux.cnm_endpoint_info:
    sandbox: db
  register: joined

- name: Get one that does not exist
  cnm.linux.cnm_endpoint_info:
    name: nowhere
  register: missing

- name: Use the results
  ansible.builtin.assert:
    that:
      - attached.endpoints | map(attribute='Name') | list == ['db', 'reserved']
      - joined.endpoints | map(attribute='Name') | list == ['db']
      - missing.endpoints == []

- name: Delete the endpoint
  cnm.linux.cnm_endpoint:
    name: reserved
    network: backend
    state: absent

- name: Remove the sandbox
  cnm.linux.cnm_sandbox:
    name: db
    state: absent

- name: Remove the network
  cnm.linux.cnm_network:
    name: backend
    state: absent
"""

RETURN = r"""
endpoints:
  description: The endpoints, sorted by name and network, with Docker's names for the values.
  returned: success
  type: list
  elements: dict
  contains:
    Name:
      description: Name of the endpoint.
      returned: success
      type: str
      sample: database
    Id:
      description: Id of the endpoint, 64 hexadecimal digits.
      returned: success
      type: str
      sample: 8d1c6f0e5b7a49d2a3c4b5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081920
    Network:
      description: Name of its network.
      returned: success
      type: str
      sample: backend
    NetworkID:
      description: Id of its network.
      returned: success
      type: str
      sample: f2f4bb7ca2a9b9c1d6dbf4a47ffb65f4a3e9d93c01f2a70e2c8f0ad7e6b05c11
    Sandbox:
      description: Name of the sandbox that it is in. Empty if it is not in a sandbox.
      returned: success
      type: str
      sample: db1
    SandboxID:
      description: Id of the sandbox that it is in. Empty if it is not in a sandbox.
      returned: success
      type: str
      sample: 3f2c9d5a70c64a0ab1dd5e1d8e3b40f2a6a2f1b7a5f84f0f9b0f7a1d0c9e8b76
    State:
      description:
        - V(joined) if it is in a sandbox, otherwise V(left).
        - V(lost) if it is in a sandbox, but the time is over for which a DHCP server has given it its address, and no
          server answers. It does not use the address then.
      returned: success
      type: str
      sample: joined
    MacAddress:
      description: MAC address. Empty if the driver of the network is V(ipvlan).
      returned: success
      type: str
      sample: "02:42:0a:4d:00:0a"
    IPv4Address:
      description: IPv4 address with the prefix length of the subnet. Empty if it has none.
      returned: success
      type: str
      sample: 10.77.0.10/16
    IPv6Address:
      description: IPv6 address with the prefix length of the subnet. Empty if it has none.
      returned: success
      type: str
      sample: fd00:77::10/64
    Aliases:
      description: Additional names on the network.
      returned: success
      type: list
      elements: str
      sample: [sql]
    GwPriority:
      description: Priority for the default route.
      returned: success
      type: int
      sample: 0
    InterfaceName:
      description: Name of the interface in the sandbox. Empty before the first join, unless it was given.
      returned: success
      type: str
      sample: eth0
    Ports:
      description: Published ports, by port of the endpoint and protocol.
      returned: success
      type: dict
      sample:
        5432/tcp:
          - HostIp: 127.0.0.1
            HostPort: '8432'
"""

from ansible_collections.cnm.linux.plugins.module_utils._cnm.task import run_info

ARGUMENTS: dict[str, object] = {
    "name": {"type": "list", "elements": "str"},
    "network": {"type": "str"},
    "sandbox": {"type": "str"},
}


def main() -> None:
    """Run the module."""
    run_info("endpoint", ARGUMENTS)


if __name__ == "__main__":
    main()
