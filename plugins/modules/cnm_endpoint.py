#!/usr/bin/python

# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoints: argument spec, documentation and the way into the core."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cnm_endpoint
short_description: Manage endpoints of the Container Network Model
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Creates, joins, moves and deletes endpoints on a Linux host.
  - An endpoint is a service address on one network, with a name, IP addresses, a MAC address, aliases and published
    ports.
  - An endpoint exists with or without a sandbox, and is in at most one sandbox at a time. It keeps its addresses
    through every leave, join, stop, restart and reboot, until it is deleted.
  - Usually, M(cnm.linux.cnm_sandbox) creates the endpoints. This module is for addresses that are reserved in advance,
    or that move from one sandbox to another.
  - Use either O(name) for one endpoint, or O(endpoints) for several. O(endpoints) cannot be combined with any other
    option.
extends_documentation_fragment:
  - cnm.linux._attributes
  - cnm.linux._attributes.changes
  - cnm.linux._host
options:
  name: &name
    description:
      - Name of the endpoint. Together with O(network), it identifies the endpoint in later runs. Others on the network
        find the endpoint by this name.
      - Up to 63 letters, digits, V(_), V(.) and V(-). The first character is a letter or a digit.
    type: str
  network: &network
    description:
      - Network of the endpoint. It must exist. An endpoint cannot change its network.
      - It is required for a new endpoint. It may be left out if exactly one network has an endpoint with this name.
    type: str
  sandbox: &sandbox
    description:
      - The sandbox to join. It must exist. If it is stopped, the endpoint gets its interface at the next start.
      - It is required with O(state=joined), and refused with the other states.
    type: str
  state: &state
    description:
      - V(present) creates the endpoint, or changes it if it differs. It stays in its sandbox, if any.
      - V(joined) does the same and joins it to O(sandbox).
      - V(left) does the same and removes it from its sandbox. Its addresses stay reserved.
      - V(absent) removes it from its sandbox and deletes it. Its addresses become free.
      - The default is V(joined) if O(sandbox) is given, and V(present) otherwise.
    type: str
    choices:
      - present
      - joined
      - left
      - absent
  ipv4_address: &ipv4_address
    description:
      - IPv4 address, without a prefix length. The default is the lowest free address, chosen once and kept, or one from
        a DHCP server if O(cnm.linux.cnm_network#module:ipam_driver=dhcp).
    type: str
  ipv6_address: &ipv6_address
    description:
      - IPv6 address, without a prefix length. The default is the lowest free address, chosen once and kept.
    type: str
  mac_address: &mac_address
    description:
      - MAC address. The default is V(02:42:) followed by the four bytes of the IPv4 address. On a network of driver
        V(ipvlan), endpoints have none of their own.
    type: str
  aliases: &aliases
    description:
      - Additional names by which others on the network find the endpoint, also with the name of the network appended,
        as in V(www.blue). Several endpoints may share an alias. The default is none.
      - The list replaces all aliases. An empty list means none.
    type: list
    elements: str
  published_ports: &published_ports
    description:
      - Ports of the endpoint that are published on the host while it is in a running sandbox. The list replaces all
        ports. An empty list means none.
      - A string has the form V([HOST_ADDRESS:][HOST_PORT:]PORT[/PROTOCOL]), for example V(8080:80), V(8053:53/udp),
        V(127.0.0.1:8080:80), V([fd00::1]:8080:80), V(8000-8010:80-90) or V(80). Both ranges must have the same length.
      - A dictionary has C(container_port) (a number, or a range such as V("80-90")), and may have C(host_port) (the
        same), C(host_ip), C(protocol), and C(allowed_sources), a list of the addresses and subnets that may use the
        port. The list also applies to the host's own connections; to allow them, include V(127.0.0.0/8). Without it,
        everybody may use the port. An empty list is refused.
      - The protocol is V(tcp), V(udp) or V(sctp). The default is V(tcp).
      - Without a host address, the port is open at all addresses of the host. Without a host port, a free one is chosen
        once and kept. RV(endpoint.Ports) shows it.
      - On a network with gateway mode V(routed), the port is open at the endpoint's own address, and the host port has
        no effect.
      - A host port that another endpoint or a program of the host uses is refused.
    type: list
    elements: raw
  gateway_priority: &gateway_priority
    description:
      - Among the endpoints of a sandbox, the one with the highest number provides the default route. The default is
        V(0).
      - Among equal numbers, endpoints on networks that are not internal come first, then the network's name decides.
    type: int
    aliases: [gw_priority]
  interface_name: &interface_name
    description:
      - Name of the interface in the sandbox, at most 15 characters. The default is the first free name of V(eth0),
        V(eth1) and so on, chosen at the first join and kept. The network's option
        C(com.docker.network.container_iface_prefix) can replace V(eth).
      - On a network of driver V(openvswitch), the default is the name of the port, V(ovs) and the first 12 digits of
        the endpoint's id. With datapath V(netdev), it cannot be another one.
    type: str
  driver_options: &driver_options
    description:
      - Options of the network's driver for this endpoint. At present, the drivers have none. Unknown keys are refused.
    type: dict
  force: &force
    description:
      - Allows O(state=joined) to move the endpoint from another sandbox. Without it, this is refused. The default is
        V(false).
    type: bool
  endpoints:
    description:
      - Several endpoints, each with the options of the single form.
    type: list
    elements: dict
    suboptions:
      name:
        <<: *name
        required: true
      network: *network
      sandbox: *sandbox
      state: *state
      ipv4_address: *ipv4_address
      ipv6_address: *ipv6_address
      mac_address: *mac_address
      aliases: *aliases
      published_ports: *published_ports
      gateway_priority: *gateway_priority
      interface_name: *interface_name
      driver_options: *driver_options
      force: *force
seealso:
  - module: cnm.linux.cnm_endpoint_info
  - module: cnm.linux.cnm_network
  - module: cnm.linux.cnm_sandbox
"""

EXAMPLES = r"""
- name: A network for the endpoints below
  cnm.linux.cnm_network:
    name: backend
    ipam_config:
      - subnet: 10.77.0.0/16
      - subnet: fd00:77::/64
    enable_ipv6: true

- name: Two sandboxes without networks
  cnm.linux.cnm_sandbox:
    sandboxes:
      - name: db1
      - name: db2

- name: Reserve addresses for a future service
  cnm.linux.cnm_endpoint:
    name: database
    network: backend
    ipv4_address: 10.77.0.10
    ipv6_address: fd00:77::10
    mac_address: "02:42:0a:4d:00:0a"
    aliases: [sql]

- name: Join the endpoint to the first sandbox
  cnm.linux.cnm_endpoint:
    name: database
    network: backend
    sandbox: db1

- name: Move it to the second sandbox, with its addresses
  cnm.linux.cnm_endpoint:
    name: database
    network: backend
    sandbox: db2
    force: true

- name: Publish ports of the endpoint, one of them for certain sources only
  cnm.linux.cnm_endpoint:
    name: database
    network: backend
    published_ports:
      - "127.0.0.1:8432:5432"
      - container_port: 5432
        host_port: 8433
        allowed_sources: [192.0.2.0/24]

- name: Remove it from the sandbox; its addresses stay reserved
  cnm.linux.cnm_endpoint:
    name: database
    network: backend
    state: left

- name: Several endpoints at once
  cnm.linux.cnm_endpoint:
    endpoints:
      - name: database
        network: backend
        sandbox: db1
      - name: replica
        network: backend
        sandbox: db2
        gateway_priority: 5
        interface_name: data0
      - name: spare
        network: backend

- name: Delete the endpoints; their addresses become free
  cnm.linux.cnm_endpoint:
    endpoints:
      - {name: database, network: backend, state: absent}
      - {name: replica, network: backend, state: absent}
      - {name: spare, network: backend, state: absent}

- name: Remove the sandboxes
  cnm.linux.cnm_sandbox:
    sandboxes:
      - {name: db1, state: absent}
      - {name: db2, state: absent}

- name: Remove the network
  cnm.linux.cnm_network:
    name: backend
    state: absent
"""

RETURN = r"""
endpoint:
  description:
    - The endpoint, with Docker's names for the values. Empty after O(state=absent).
    - Check mode returns the same as the run.
  returned: success, if O(name) is given
  type: dict
  contains: &endpoint
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
      description: V(joined) if it is in a sandbox, otherwise V(left).
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
endpoints:
  description:
    - The endpoints in the order of O(endpoints), in the same format. Those with O(endpoints[].state=absent) are left
      out.
  returned: success, if O(endpoints) is given
  type: list
  elements: dict
  contains: *endpoint
"""

from ansible_collections.cnm.linux.plugins.module_utils._cnm.task import run

ITEM: dict[str, object] = {
    "name": {"type": "str"},
    "network": {"type": "str"},
    "sandbox": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "joined", "left", "absent"]},
    "ipv4_address": {"type": "str"},
    "ipv6_address": {"type": "str"},
    "mac_address": {"type": "str"},
    "aliases": {"type": "list", "elements": "str"},
    "published_ports": {"type": "list", "elements": "raw"},
    "gateway_priority": {"type": "int", "aliases": ["gw_priority"]},
    "interface_name": {"type": "str"},
    "driver_options": {"type": "dict"},
    "force": {"type": "bool"},
}
ARGUMENTS: dict[str, object] = {
    **ITEM,
    "endpoints": {
        "type": "list",
        "elements": "dict",
        "options": {**ITEM, "name": {"type": "str", "required": True}},
    },
}


def main() -> None:
    """Run the module."""
    run("endpoint", ARGUMENTS)


if __name__ == "__main__":
    main()
