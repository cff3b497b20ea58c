#!/usr/bin/python

# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about sandboxes: argument spec, documentation and the way into the core."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cnm_sandbox_info
short_description: Return sandboxes of the Container Network Model
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Returns the sandboxes of a Linux host, all of them or those that match the filters.
  - Nothing on the host is changed. A sandbox that does not exist is not an error.
extends_documentation_fragment:
  - cnm.linux._attributes
  - cnm.linux._attributes.info
  - cnm.linux._host.info
options:
  name:
    description:
      - The sandboxes to return, by name, id or prefix of an id. Those that do not exist are left out.
      - If several ids have the prefix, all of them are returned.
    type: list
    elements: str
  labels:
    description:
      - Returns only sandboxes with all of these labels. Each is V(key) or V(key=value).
    type: list
    elements: str
  state:
    description:
      - V(running) returns only sandboxes that should run, V(stopped) only the others.
    type: str
    choices:
      - running
      - stopped
  network:
    description:
      - Returns only sandboxes that are on this network, given by its name, its id or a unique prefix of the id.
      - If the network does not exist, the result is empty.
    type: str
seealso:
  - module: cnm.linux.cnm_sandbox
  - module: cnm.linux.cnm_network_info
  - module: cnm.linux.cnm_endpoint_info
"""

EXAMPLES = r"""
- name: A network
  cnm.linux.cnm_network:
    name: backend
    ipam_config:
      - subnet: 10.77.0.0/16

- name: Two sandboxes, one of them on the network
  cnm.linux.cnm_sandbox:
    sandboxes:
      - name: db
        networks:
          - name: backend
            ipv4_address: 10.77.0.10
        published_ports: ["127.0.0.1:8432:5432"]
        labels:
          tier: data
      - name: spare

- name: Get one sandbox
  cnm.linux.cnm_sandbox_info:
    name: db
  register: found

- name: Use the result
  ansible.builtin.assert:
    that:
      - found.sandboxes | length == 1
      - found.sandboxes[0].State == 'running'
      - found.sandboxes[0].Networks.backend.IPAddress == '10.77.0.10'
      - found.sandboxes[0].Ports['5432/tcp'][0].HostPort == '8432'

- name: Get the sandboxes on a network
  cnm.linux.cnm_sandbox_info:
    network: backend
  register: attached

- name: Get the sandboxes with a label
  cnm.linux.cnm_sandbox_info:
    labels: [tier]
  register: labelled

- name: Get the sandboxes that should run
  cnm.linux.cnm_sandbox_info:
    state: running
  register: running

- name: Get one that does not exist
  cnm.linux.cnm_sandbox_info:
    name: nowhere
  register: missing

- name: Use the results
  ansible.builtin.assert:
    that:
      - attached.sandboxes | map(attribute='Name') | list == ['db']
      - labelled.sandboxes | map(attribute='Name') | list == ['db']
      - running.sandboxes | map(attribute='Name') | list == ['db', 'spare']
      - missing.sandboxes == []

- name: Remove the sandboxes
  cnm.linux.cnm_sandbox:
    sandboxes:
      - {name: db, state: absent}
      - {name: spare, state: absent}

- name: Remove the network
  cnm.linux.cnm_network:
    name: backend
    state: absent
"""

RETURN = r"""
sandboxes:
  description: The sandboxes, sorted by name, with Docker's names for the values.
  returned: success
  type: list
  elements: dict
  contains:
    Name:
      description: Name of the sandbox.
      returned: success
      type: str
      sample: www
    Id:
      description: Id of the sandbox, 64 hexadecimal digits.
      returned: success
      type: str
      sample: 3f2c9d5a70c64a0ab1dd5e1d8e3b40f2a6a2f1b7a5f84f0f9b0f7a1d0c9e8b76
    State:
      description:
        - V(running), V(stopped) or V(lost).
        - A sandbox is lost if it should be running but its network namespace is gone, for example after
          C(ip netns delete). Any task for the sandbox, and C(cnm restore), creates its namespace again.
      returned: success
      type: str
      sample: running
    SandboxKey:
      description: Path of the network namespace.
      returned: success
      type: str
      sample: /run/netns/www
    Hostname:
      description: Name of the sandbox in its own C(/etc/hosts).
      returned: success
      type: str
      sample: www1
    Domainname:
      description: Domain of the sandbox. Empty if it has none.
      returned: success
      type: str
      sample: example.com
    Dns:
      description: Nameservers. Null if they are those of the host.
      returned: success
      type: list
      elements: str
      sample: [192.0.2.53]
    DnsSearch:
      description: Domains to search. Null if they are those of the host.
      returned: success
      type: list
      elements: str
      sample: [example.com]
    DnsOptions:
      description: Options of the resolver. Null if they are those of the host.
      returned: success
      type: list
      elements: str
      sample: ['ndots:2']
    ExtraHosts:
      description: Additional names in its C(/etc/hosts), each with its address.
      returned: success
      type: list
      elements: str
      sample: ['printer:192.0.2.9']
    Sysctls:
      description: The given kernel parameters of the namespace, as text.
      returned: success
      type: dict
      sample: {net.ipv4.ip_unprivileged_port_start: '0'}
    Routes:
      description: The given routes of the sandbox itself.
      returned: success
      type: list
      elements: dict
      sample: [{Destination: 10.95.0.0/16, Gateway: 10.77.0.81, Metric: 10, Type: unicast}]
    NoDefaultRoute:
      description: Whether the sandbox gets no default route from its networks.
      returned: success
      type: bool
      sample: false
    Labels:
      description: Labels of the sandbox.
      returned: success
      type: dict
      sample: {role: frontend}
    Networks:
      description: The networks that the sandbox is on, by name, each with the values of its endpoint there.
      returned: success
      type: dict
      sample:
        backend:
          Aliases: [frontend]
          MacAddress: "02:42:0a:4d:00:50"
          NetworkID: f2f4bb7ca2a9b9c1d6dbf4a47ffb65f4a3e9d93c01f2a70e2c8f0ad7e6b05c11
          EndpointID: 8d1c6f0e5b7a49d2a3c4b5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081920
          Gateway: 10.77.0.1
          IPAddress: 10.77.0.80
          IPPrefixLen: 16
          IPv6Gateway: ''
          GlobalIPv6Address: ''
          GlobalIPv6PrefixLen: 0
          GwPriority: 0
          InterfaceName: data0
          DefaultRoute4: false
          DefaultRoute6: false
    Ports:
      description: Published ports, by port in the sandbox and protocol.
      returned: success
      type: dict
      sample:
        80/tcp:
          - HostIp: 0.0.0.0
            HostPort: '8080'
"""

from ansible_collections.cnm.linux.plugins.module_utils._cnm.task import run_info

ARGUMENTS: dict[str, object] = {
    "name": {"type": "list", "elements": "str"},
    "labels": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": ["running", "stopped"]},
    "network": {"type": "str"},
}


def main() -> None:
    """Run the module."""
    run_info("sandbox", ARGUMENTS)


if __name__ == "__main__":
    main()
