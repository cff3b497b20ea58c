#!/usr/bin/python

# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about networks: argument spec, documentation and the way into the core."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cnm_network_info
short_description: Return networks of the Container Network Model
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Returns the networks of a Linux host, all of them or those that match the filters.
  - Nothing on the host is changed. A network that does not exist is not an error.
extends_documentation_fragment:
  - cnm.linux._attributes
  - cnm.linux._attributes.info
  - cnm.linux._host.info
options:
  name:
    description:
      - The networks to return, by name, id or prefix of an id. Those that do not exist are left out.
      - If several ids have the prefix, all of them are returned.
    type: list
    elements: str
  labels:
    description:
      - Returns only networks with all of these labels. Each is V(key) or V(key=value).
    type: list
    elements: str
  driver:
    description:
      - Returns only networks with this driver.
    type: str
    choices:
      - bridge
      - overlay
      - macvlan
      - ipvlan
      - openvswitch
      - host
      - 'null'
  type:
    description:
      - V(builtin) returns only the predefined networks V(bridge), V(host) and V(none). V(custom) returns only the
        others.
    type: str
    choices:
      - builtin
      - custom
  scope:
    description:
      - V(local) returns only networks of this host, V(global) only those that several hosts can have.
    type: str
    choices:
      - local
      - global
  dangling:
    description:
      - V(true) returns only networks that are not predefined and have no endpoints. V(false) returns only the others.
    type: bool
seealso:
  - module: cnm.linux.cnm_network
  - module: cnm.linux.cnm_sandbox_info
  - module: cnm.linux.cnm_endpoint_info
"""

EXAMPLES = r"""
- name: Two networks, one of them with a sandbox on it
  cnm.linux.cnm_network:
    networks:
      - name: backend
        ipam_config:
          - subnet: 10.77.0.0/16
        labels:
          tier: data
      - name: spare

- name: A sandbox
  cnm.linux.cnm_sandbox:
    name: db
    networks:
      - name: backend

- name: Get one network
  cnm.linux.cnm_network_info:
    name: backend
  register: found

- name: Use the result
  ansible.builtin.assert:
    that:
      - found.networks | length == 1
      - found.networks[0].IPAM.Config[0].Gateway == '10.77.0.1'
      - found.networks[0].Containers.values() | map(attribute='Name') | list == ['db']

- name: Get the networks of a tier
  cnm.linux.cnm_network_info:
    driver: bridge
    labels: [tier=data]
  register: tier

- name: Get unused networks
  cnm.linux.cnm_network_info:
    dangling: true
  register: unused

- name: Get the networks of this host that are not predefined
  cnm.linux.cnm_network_info:
    scope: local
    type: custom
  register: own

- name: Get one that does not exist
  cnm.linux.cnm_network_info:
    name: nowhere
  register: missing

- name: Use the results
  ansible.builtin.assert:
    that:
      - tier.networks | map(attribute='Name') | list == ['backend']
      - unused.networks | map(attribute='Name') | list == ['spare']
      - own.networks | map(attribute='Name') | list == ['backend', 'spare']
      - missing.networks == []

- name: Remove the sandbox
  cnm.linux.cnm_sandbox:
    name: db
    state: absent

- name: Remove the networks that are no longer used
  cnm.linux.cnm_network:
    name: "{{ item }}"
    state: absent
  loop: [backend, spare]
"""

RETURN = r"""
networks:
  description: The networks, sorted by name, in the format of C(docker network inspect).
  returned: success
  type: list
  elements: dict
  contains:
    Name:
      description: Name of the network.
      returned: success
      type: str
      sample: backend
    Id:
      description: Id of the network, 64 hexadecimal digits.
      returned: success
      type: str
      sample: f2f4bb7ca2a9b9c1d6dbf4a47ffb65f4a3e9d93c01f2a70e2c8f0ad7e6b05c11
    Scope:
      description: Where the network exists. V(local) means this host, V(global) means this host and its peers.
      returned: success
      type: str
      sample: local
    Driver:
      description: Driver of the network.
      returned: success
      type: str
      sample: bridge
    EnableIPv6:
      description: Whether the network has an IPv6 pool.
      returned: success
      type: bool
      sample: false
    IPAM:
      description: Address management of the network.
      returned: success
      type: dict
      contains:
        Driver:
          description: Name of the address management.
          returned: success
          type: str
          sample: default
        Options:
          description: Options of the address management.
          returned: success
          type: dict
          sample: {}
        Config:
          description: The pools. Empty for the networks V(host) and V(none).
          returned: success
          type: list
          elements: dict
          contains:
            Subnet:
              description: The pool.
              returned: success
              type: str
              sample: 10.77.0.0/16
            IPRange:
              description: The part of the pool from which addresses are chosen.
              returned: if it was given
              type: str
              sample: 10.77.4.0/24
            Gateway:
              description: Address of the bridge, also if it was chosen for you.
              returned: if there is one
              type: str
              sample: 10.77.0.1
            AuxiliaryAddresses:
              description: Names and addresses that endpoints do not get.
              returned: if there are any
              type: dict
              sample: {router: 10.77.0.254}
    Internal:
      description: Whether the network is cut off from the outside.
      returned: success
      type: bool
      sample: false
    Attachable:
      description: For compatibility with Docker. Always V(false).
      returned: success
      type: bool
      sample: false
    Ingress:
      description: For compatibility with Docker. Always V(false).
      returned: success
      type: bool
      sample: false
    ConfigFrom:
      description: For compatibility with Docker. Never names a network.
      returned: success
      type: dict
      sample: {Network: ''}
    ConfigOnly:
      description: For compatibility with Docker. Always V(false).
      returned: success
      type: bool
      sample: false
    Containers:
      description:
        - The sandboxes on the network, by id, each with the name of the sandbox and the values of its endpoint.
      returned: success
      type: dict
      sample:
        3f2c9d5a70c64a0ab1dd5e1d8e3b40f2a6a2f1b7a5f84f0f9b0f7a1d0c9e8b76:
          Name: db
          EndpointID: 8d1c6f0e5b7a49d2a3c4b5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081920
          MacAddress: "02:42:0a:4d:04:00"
          IPv4Address: 10.77.4.0/16
          IPv6Address: ''
    Routes:
      description: Routes that each sandbox on the network gets in addition to the default route.
      returned: success
      type: list
      elements: dict
      sample: [{Destination: 10.90.0.0/16, Gateway: 10.82.0.254, Type: unicast}]
    NoDefaultRoute:
      description: Whether sandboxes get no default route through the network's gateway.
      returned: success
      type: bool
      sample: false
    Metric:
      description: Metric of the default route that the network provides.
      returned: if it was given
      type: int
      sample: 50
    DnsServers:
      description: Name servers for names that are not on the network. Empty if they are those of the host.
      returned: success
      type: list
      elements: str
      sample: [10.90.0.53]
    Options:
      description: Options of the driver, with Docker's keys and values as text.
      returned: success
      type: dict
      sample: {com.docker.network.driver.mtu: '1400'}
    Labels:
      description: Labels of the network.
      returned: success
      type: dict
      sample: {tier: data}
    Host:
      description: Details about the network's device on this host, which Docker does not show.
      returned: success
      type: dict
      contains:
        Device:
          description: Name of the bridge, or of the parent of a V(macvlan) or V(ipvlan). Empty for V(host) and V(none).
          returned: success
          type: str
          sample: br-f2f4bb7ca2a9
        Mtu:
          description: MTU of the network, in bytes. V(0) for the networks V(host) and V(none).
          returned: success
          type: int
          sample: 1500
        Dns:
          description: Whether a name server answers for the names on the network, instead of hosts files.
          returned: success
          type: bool
          sample: true
        Engines:
          description: The container engines that know the network.
          returned: success
          type: list
          elements: str
          sample: [docker]
        IpvlanFlag:
          description: Whether the sandboxes reach each other on the parent, which is the Device.
          returned: if the driver is V(ipvlan)
          type: str
          sample: bridge
        IpvlanMode:
          description: How packets of the sandboxes leave.
          returned: if the driver is V(ipvlan)
          type: str
          sample: l2
        MacvlanMode:
          description: How the sandboxes reach each other on the parent, which is the Device.
          returned: if the driver is V(macvlan)
          type: str
          sample: bridge
        Uplink:
          description: The interface of the host that is a port of the bridge, the Device.
          returned: if the network has one
          type: str
          sample: eth1
        Vlan:
          description: The VLAN of the bridge, the Device, that the network is.
          returned: if the driver is V(openvswitch) and the network is one
          type: int
          sample: 10
        VxlanDevice:
          description: Name of the VXLAN device.
          returned: if the driver is V(overlay)
          type: str
          sample: vx-f2f4bb7ca2a9
        VxlanId:
          description: VXLAN network identifier, VNI.
          returned: if the driver is V(overlay)
          type: int
          sample: 7001
        VxlanPort:
          description: UDP port between the hosts.
          returned: if the driver is V(overlay)
          type: int
          sample: 4789
        VtepAddress:
          description: Address of this host at which the others reach it.
          returned: if the driver is V(overlay)
          type: str
          sample: 192.0.2.11
        VtepDevice:
          description: Interface with that address. Empty for the loopback interface, where the host's routes decide.
          returned: if the driver is V(overlay)
          type: str
          sample: eth0
        Learning:
          description: Whether the host learns the location of endpoints. V(false) if all of them are preconfigured.
          returned: if the driver is V(overlay)
          type: bool
          sample: true
        Control:
          description: What tells the host of endpoints on other hosts that are not declared, V(inventory) or V(etcd).
          returned: if the driver is V(overlay)
          type: str
          sample: inventory
        Encrypted:
          description: Whether packets go between hosts only in a tunnel of WireGuard.
          returned: if the driver is V(overlay)
          type: bool
          sample: false
    Peers:
      description: The other hosts that have the network.
      returned: if the driver is V(overlay)
      type: list
      elements: dict
      sample: [{Name: other, IP: 192.0.2.12}]
"""

from ansible_collections.cnm.linux.plugins.module_utils._cnm.task import run_info

ARGUMENTS: dict[str, object] = {
    "name": {"type": "list", "elements": "str"},
    "labels": {"type": "list", "elements": "str"},
    "driver": {"type": "str", "choices": ["bridge", "overlay", "macvlan", "ipvlan", "openvswitch", "host", "null"]},
    "type": {"type": "str", "choices": ["builtin", "custom"]},
    "scope": {"type": "str", "choices": ["local", "global"]},
    "dangling": {"type": "bool"},
}


def main() -> None:
    """Run the module."""
    run_info("network", ARGUMENTS)


if __name__ == "__main__":
    main()
