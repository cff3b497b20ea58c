#!/usr/bin/python

# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks: argument spec, documentation and the way into the core."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cnm_network
short_description: Manage networks of the Container Network Model
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Makes, changes and removes networks on a Linux host.
  - A network is a group of endpoints that reach each other. It has address pools, a driver, options and labels.
  - Networks are isolated from each other. No container engine is needed.
  - The networks V(bridge), V(host) and V(none) always exist and can be neither made, changed nor removed.
  - Either O(name) describes one network, or O(networks) describes several. The two cannot be combined, and beside
    O(networks) no other option is accepted.
extends_documentation_fragment:
  - cnm.linux._attributes
  - cnm.linux._attributes.changes
  - cnm.linux._host
attributes:
  idempotent:
    details:
      - O(force=true) does nothing to a network that is as the task wants it.
options:
  name: &name
    description:
      - Name of the network. It is the key by which the network is found again.
      - Up to 63 letters, digits, V(_), V(.) and V(-), the first of them a letter or a digit.
    type: str
  state: &state
    description:
      - V(present) makes the network, or changes it where it differs.
      - V(absent) removes it. A network with endpoints is removed only with O(force=true).
    type: str
    choices:
      - present
      - absent
    default: present
  driver: &driver
    description:
      - What the network is made of. A new network is a V(bridge) unless this says otherwise.
      - V(bridge) is a Linux bridge with NAT to the outside.
      - V(overlay) is a network that is the same on several hosts. On each it is a bridge, and a VXLAN device that
        joins it to those of the other hosts, O(peers). The gateway has the same addresses on all of them, so that a
        sandbox reaches the outside, and is reached at its published ports, by the host that it is on. The module
        M(cnm.linux.topology) fills in O(peers) and what else differs between hosts from the inventory.
      - V(host) and V(null) are the drivers of the predefined networks V(host) and V(none). No other network can have
        them.
      - A network keeps its driver. To have it with another one, remove it first.
    type: str
    choices:
      - bridge
      - overlay
      - host
      - 'null'
  driver_options: &driver_options
    description:
      - Options of the driver, by Docker's keys. An unknown key and a malformed value are refused.
      - The dictionary is the whole of the options. A key that is left out of it gets its default again.
      - Booleans, numbers and their text are the same, so V(true) and V("true") do not differ.
      - C(com.docker.network.bridge.name) (string, at most 15 characters) names the bridge device. The default is
        V(br-) and the first 12 digits of the network's id. A bridge that exists already is adopted, and then never
        deleted. A change needs O(force=true) while endpoints are in running sandboxes.
      - C(com.docker.network.bridge.enable_icc) (boolean, default V(true)) lets endpoints of this network reach each
        other.
      - C(com.docker.network.bridge.enable_ip_masquerade) (boolean, default V(true)) hides the endpoints behind an
        address of the host when they reach the outside.
      - C(com.docker.network.bridge.host_binding_ipv4) (address, default V(0.0.0.0)) is the host's address for
        published ports that name none. Another one than V(0.0.0.0) leaves IPv6 unpublished, unless
        C(cnm.host_binding_ipv6) is given, too.
      - C(cnm.host_binding_ipv6) (address, default V(::)) is the same for IPv6. The key is this collection's own.
      - C(com.docker.network.bridge.inhibit_ipv4) (boolean, default V(false)) gives the bridge no IPv4 address. This
        leaves the network without a gateway, so it needs O(internal=true).
      - C(com.docker.network.bridge.gateway_mode_ipv4) and C(com.docker.network.bridge.gateway_mode_ipv6) (V(nat) or
        V(routed), default V(nat)). With V(routed) there is no NAT, and the published ports are reached at the
        endpoint's own address. The other ports of the endpoint are closed.
      - C(com.docker.network.driver.mtu) (number of bytes, V(68) to V(65535), with IPv6 at least V(1280)) is the MTU of
        the bridge and of both ends of each link. The default is the MTU that the host's interface to the outside has
        when the network is made, or that of the bridge which the network adopts.
      - C(com.docker.network.enable_ipv6) (boolean) is the same as O(enable_ipv6); the two must not differ.
      - C(com.docker.network.host_ipv4) and C(com.docker.network.host_ipv6) (address) is the source address of traffic
        to the outside, in place of the one that masquerading takes. It should be an address of the host.
      - C(com.docker.network.container_iface_prefix) (string, default V(eth)) starts the interface names in sandboxes.
      - C(cnm.allow_host_overlap) (boolean, default V(false)) accepts a subnet of O(ipam_config) although it overlaps
        a directly connected route of the host. The key is this collection's own.
      - An V(overlay) has of these C(com.docker.network.bridge.enable_ip_masquerade),
        C(com.docker.network.bridge.host_binding_ipv4), C(cnm.host_binding_ipv6), C(com.docker.network.driver.mtu),
        C(com.docker.network.enable_ipv6), C(com.docker.network.host_ipv4), C(com.docker.network.host_ipv6),
        C(com.docker.network.container_iface_prefix) and C(cnm.allow_host_overlap), and those that follow. Its MTU is
        by default what the host's packets hold, less 50 bytes, or 70 between IPv6 addresses, when the network is made.
      - C(com.docker.network.driver.overlay.vxlanid_list) (number, V(1) to V(16777215)) is the VXLAN network identifier
        of an V(overlay), VNI. The default follows from the name of the network and is the same on every host. It is
        refused where another network of the host has it; then give one of the two another.
      - C(cnm.overlay.vtep_address) (address) is the address of this host at which the others reach it. The default is
        that of the interface of the default route, and the family of that address is the one between the hosts.
      - C(cnm.overlay.port) (number, default V(4789)) is the UDP port between the hosts, the same on all. It is refused
        where something else uses it.
      - C(cnm.overlay.learning) (boolean, default V(true)) says how a host knows where to send what. With V(true) it
        sends what is for all, or for somebody unknown, to each of O(peers), and learns from what it gets. With
        V(false) it knows the endpoints of O(peers), answers for them, and sends nothing else, so that endpoints which
        are not listed there cannot be reached.
    type: dict
  ipam_config: &ipam_config
    description:
      - Address pools of the network, at most one for IPv4 and one for IPv6.
      - Without an IPv4 pool, a new network gets the first free one of V(172.17.0.0/16) to V(172.31.0.0/16), then of
        V(192.168.0.0/20) to V(192.168.240.0/20). Pools are skipped that overlap another network, a directly connected
        route or a nameserver of the host. The file C(/etc/cnm/cnm.json) can name others under
        C(default-address-pools), as Docker's C(daemon.json) does.
      - Without an IPv6 pool, a new network with O(enable_ipv6=true) gets a unique local one (V(/64)).
      - On a bridge that is adopted, a pool that is not given is that of the bridge's address, if it has one.
      - The pools are chosen once and kept. A family that the list does not name keeps its pool, and what an entry
        leaves out stays as it is.
      - A change of a subnet is made in place if every endpoint can keep its addresses. Otherwise it needs
        O(force=true).
      - An V(overlay) needs its subnets, as one that is chosen on this host may be taken on another. Where each host
        chooses addresses, give each its own O(ipam_config[].iprange), so that no two choose the same one.
    type: list
    elements: dict
    suboptions:
      subnet:
        description:
          - The pool in CIDR notation, such as V(10.77.0.0/16). Host bits are refused.
          - A subnet is refused if it overlaps another network or a directly connected route of the host. See
            C(cnm.allow_host_overlap) in O(driver_options) for the latter.
          - Unspecified, loopback, link-local, multicast and reserved subnets, such as V(0.0.0.0/24) or V(240.0.0.0/24),
            are refused.
        type: str
        required: true
      gateway:
        description:
          - Address of the bridge, inside the subnet. The default is the lowest that is not among
            O(ipam_config[].aux_addresses).
        type: str
      iprange:
        description:
          - Part of the subnet, in CIDR notation, from which addresses are chosen. Addresses that an endpoint asks for
            may lie outside of it. The default is the whole subnet. An empty text means the whole subnet again.
        type: str
      aux_addresses:
        description:
          - Names and addresses that are in use already, such as a router's. No endpoint gets them.
        type: dict
  enable_ipv6: &enable_ipv6
    description:
      - Gives the network an IPv6 pool beside the IPv4 one. The default is V(false), and V(true) if O(ipam_config) has
        an IPv6 subnet.
      - V(false) takes the IPv6 pool away. This needs O(force=true) if there are endpoints, as they lose their IPv6
        addresses.
    type: bool
  internal: &internal
    description:
      - Cuts the network off from everything outside of it. Its endpoints get no default route, and reach of the host
        only the network's gateway address. The default is V(false).
      - A network whose endpoints publish ports cannot become internal.
    type: bool
  dns: &dns
    description:
      - Lets a name server of the host, C(aardvark-dns), answer for the names on this network at the addresses of its
        gateways. It knows the names and addresses of all endpoints, also of those that O(peers) list, and forward and
        reverse. A sandbox sees the networks that it is on. What is no name on them is asked of its C(dns_servers), or
        of those of the host.
      - The hosts file of a sandbox then has its own name only. That is for large networks, where each endpoint that
        comes or goes would change all of these files.
      - The default is V(true) for a new network that can have it. For this C(aardvark-dns) is installed, and no other
        program listens on port 53 of the gateways. Otherwise names are in hosts files.
      - A network keeps what it has, unless this says otherwise. One with O(internal=true) has its names in hosts
        files, as it has no way to other name servers.
    type: bool
  dns_servers: &dns_servers
    description:
      - Addresses of name servers that are asked for all names that are not on this network, by its sandboxes which have
        no C(dns_servers) of their own. The default is those of the host.
      - The network's own gateway is refused. An empty list means those of the host.
    type: list
    elements: str
  routes: &routes
    description:
      - Routes that each sandbox on this network gets, beside the default route. The default is none.
      - A sandbox that is the router itself, or is on the subnet to which a route leads, does not get that route.
      - The list is the whole of them. An empty list removes all.
    type: list
    elements: dict
    suboptions:
      destination:
        description:
          - Where packets are to go, as a subnet or an address. Host bits are refused.
          - V(0.0.0.0/0) or V(::/0) takes the place of the default route.
        type: str
        required: true
      gateway:
        description:
          - The router, an address in the subnet of this network.
          - It is needed with V(unicast), and refused with the other types.
        type: str
      metric:
        description:
          - Of several routes to one destination, the one with the lowest metric is used. The default is
            O(metric).
        type: int
      type:
        description:
          - V(unicast) leads to O(routes[].gateway), and V(blackhole) drops packets without a word. V(unreachable) and
            V(prohibit) drop them and tell the sender.
          - The default is V(unicast).
        type: str
        choices:
          - unicast
          - blackhole
          - unreachable
          - prohibit
  no_default_route: &no_default_route
    description:
      - With V(true), the sandboxes on this network get no default route by its gateway. If they are on other networks,
        one of those provides it. The default is V(false).
      - Without a default route, a port that is published can be used from directly connected subnets only, as other
        answers find no way.
    type: bool
  metric: &metric
    description:
      - Metric of the default route that the network provides, and of O(routes) that have none. V(0) means the kernel's
        own again, 0 for IPv4 and 1024 for IPv6, which is the default.
      - In a namespace that a sandbox has adopted, the default route comes before those of its owner, whatever its
        metric.
    type: int
  peers: &peers
    description:
      - The other hosts that have this network. It is for networks of driver V(overlay).
      - The list is the whole of the peers. What is on the host for one that is left out of it is removed.
      - A new network has none unless this says otherwise.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the host.
        type: str
        required: true
      address:
        description:
          - Address at which this host reaches it, its C(cnm.overlay.vtep_address).
        type: str
        required: true
      endpoints:
        description:
          - The endpoints that it is known to have. Sandboxes here find them by their names, and their addresses are
            given to nobody here.
          - An endpoint of this host with the name and an address of one in the list has moved there. It leaves its
            sandbox here and is removed. One with another name and the same address is an error.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Name of the endpoint.
            type: str
            required: true
          ipv4_address:
            description:
              - Its IPv4 address.
            type: str
          ipv6_address:
            description:
              - Its IPv6 address. At least one of the two is needed.
            type: str
          mac_address:
            description:
              - Its MAC address. The default is the one that follows from its address.
            type: str
          aliases:
            description:
              - Its other names on the network.
            type: list
            elements: str
  labels: &labels
    description:
      - Names and values for your own use. Values are kept as text.
      - The dictionary is the whole of the labels. Those left out of it are removed.
    type: dict
  force: &force
    description:
      - With O(state=absent), removes the network together with its endpoints.
      - With O(state=present), makes a change that takes endpoints out of their addresses, or that makes the bridge
        anew under another name. Endpoints keep the addresses that fit the new pools, and get new ones otherwise. Their
        connections are interrupted.
      - Without it, these are refused. All other changes are made in place, with or without it. The default is
        V(false).
    type: bool
  networks:
    description:
      - Several networks, each with the options of the single form.
    type: list
    elements: dict
    suboptions:
      name:
        <<: *name
        required: true
      state: *state
      driver: *driver
      driver_options: *driver_options
      ipam_config: *ipam_config
      enable_ipv6: *enable_ipv6
      internal: *internal
      dns: *dns
      dns_servers: *dns_servers
      routes: *routes
      no_default_route: *no_default_route
      metric: *metric
      peers: *peers
      labels: *labels
      force: *force
seealso:
  - module: cnm.linux.topology
  - module: cnm.linux.cnm_network_info
  - module: cnm.linux.cnm_sandbox
  - module: cnm.linux.cnm_endpoint
  - module: community.docker.docker_network
    description: The same for networks of a Docker daemon.
"""

EXAMPLES = r"""
- name: A network with the next free pool
  cnm.linux.cnm_network:
    name: web

- name: A network with its own subnet, gateway, range and a router that is there already
  cnm.linux.cnm_network:
    name: backend
    ipam_config:
      - subnet: 10.77.0.0/16
        gateway: 10.77.0.1
        iprange: 10.77.4.0/24
        aux_addresses:
          router: 10.77.0.254
    labels:
      tier: data

- name: IPv4 and IPv6 with subnets of your choice
  cnm.linux.cnm_network:
    name: dual
    enable_ipv6: true
    ipam_config:
      - subnet: 10.78.0.0/24
      - subnet: fd00:78::/64
        gateway: fd00:78::1

- name: IPv4 and IPv6 with pools chosen for you
  cnm.linux.cnm_network:
    name: dual-auto
    enable_ipv6: true

- name: A network whose ports are published at two addresses of the host, unless they name another
  cnm.linux.cnm_network:
    name: behind-proxy
    enable_ipv6: true
    driver_options:
      com.docker.network.bridge.host_binding_ipv4: 127.0.0.1
      cnm.host_binding_ipv6: 2001:db8::2

- name: A network without a way out
  cnm.linux.cnm_network:
    name: vault
    internal: true

- name: A network whose names are in hosts files alone
  cnm.linux.cnm_network:
    name: plain
    dns: false

- name: A network with a router of its own to other subnets, and name servers behind it
  cnm.linux.cnm_network:
    name: branch
    ipam_config:
      - subnet: 10.82.0.0/24
        aux_addresses:
          router: 10.82.0.254
    routes:
      - destination: 10.90.0.0/16
        gateway: 10.82.0.254
      - destination: 10.91.0.0/16
        type: unreachable
    metric: 50
    dns_servers: [10.90.0.53]

- name: A network that reaches one subnet and nothing else
  cnm.linux.cnm_network:
    name: narrow
    ipam_config:
      - subnet: 10.83.0.0/24
    no_default_route: true
    routes:
      - destination: 192.0.2.0/24
        gateway: 10.83.0.1

- name: A network whose endpoints do not reach each other
  cnm.linux.cnm_network:
    name: guests
    driver_options:
      com.docker.network.bridge.enable_icc: false

- name: A network without NAT, for hosts whose router knows the way to it
  cnm.linux.cnm_network:
    name: lab
    ipam_config:
      - subnet: 10.79.0.0/24
    driver_options:
      com.docker.network.bridge.name: br-lab
      com.docker.network.bridge.gateway_mode_ipv4: routed
      com.docker.network.driver.mtu: 1400

- name: A network that this host and another one share, with what the other host is known to have
  cnm.linux.cnm_network:
    name: shared
    driver: overlay
    driver_options:
      com.docker.network.driver.overlay.vxlanid_list: 7001
    ipam_config:
      - subnet: 10.81.0.0/16
        iprange: 10.81.1.0/24
    peers:
      - name: other
        address: 192.0.2.12
        endpoints:
          - name: db
            ipv4_address: 10.81.2.10
            aliases: [sql]

- name: Several networks in one go
  cnm.linux.cnm_network:
    networks:
      - name: blue
      - name: green
        labels:
          colour: green
      - name: red
        internal: true

- name: Other labels, changed in place
  cnm.linux.cnm_network:
    name: backend
    labels:
      tier: storage

- name: Another subnet, which would take addresses away if there were endpoints
  cnm.linux.cnm_network:
    name: lab
    ipam_config:
      - subnet: 10.80.0.0/24
    force: true

- name: Remove a network that has no endpoints
  cnm.linux.cnm_network:
    name: web
    state: absent

- name: Remove networks together with their endpoints
  cnm.linux.cnm_network:
    networks:
      - {name: backend, state: absent, force: true}
      - {name: dual, state: absent, force: true}
      - {name: dual-auto, state: absent, force: true}
      - {name: vault, state: absent, force: true}
      - {name: plain, state: absent, force: true}
      - {name: branch, state: absent, force: true}
      - {name: narrow, state: absent, force: true}
      - {name: guests, state: absent, force: true}
      - {name: lab, state: absent, force: true}
      - {name: shared, state: absent, force: true}
      - {name: blue, state: absent, force: true}
      - {name: green, state: absent, force: true}
      - {name: red, state: absent, force: true}
"""

RETURN = r"""
network:
  description:
    - The network in the shape of C(docker network inspect). Empty after O(state=absent).
    - In check mode it is what the run would return. There is no C(Created), so that the two are equal.
  returned: success, if O(name) is given
  type: dict
  contains: &network
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
      description: Where the network exists. V(local) is this host, V(global) this host and its peers.
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
              description: The part from which addresses are chosen.
              returned: if it was given
              type: str
              sample: 10.77.4.0/24
            Gateway:
              description: Address of the bridge, also where it was chosen for you.
              returned: if there is one
              type: str
              sample: 10.77.0.1
            AuxiliaryAddresses:
              description: Names and addresses that no endpoint gets.
              returned: if there are any
              type: dict
              sample: {router: 10.77.0.254}
    Internal:
      description: Whether the network is cut off from the outside.
      returned: success
      type: bool
      sample: false
    Attachable:
      description: As Docker has it. Always V(false).
      returned: success
      type: bool
      sample: false
    Ingress:
      description: As Docker has it. Always V(false).
      returned: success
      type: bool
      sample: false
    ConfigFrom:
      description: As Docker has it. Names no network.
      returned: success
      type: dict
      sample: {Network: ''}
    ConfigOnly:
      description: As Docker has it. Always V(false).
      returned: success
      type: bool
      sample: false
    Containers:
      description:
        - The running sandboxes on the network, by their ids. Each has the name and the values of its endpoint.
        - Of an V(overlay) also the endpoints that its peers are known to have, by V(ep-) and an id. Each of these has
          the name of its C(Host).
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
      description: Routes that each sandbox on the network gets beside the default route.
      returned: success
      type: list
      elements: dict
      sample: [{Destination: 10.90.0.0/16, Gateway: 10.82.0.254, Type: unicast}]
    NoDefaultRoute:
      description: Whether the network provides no default route by its gateway.
      returned: success
      type: bool
      sample: false
    Metric:
      description: Metric of the default route that the network provides.
      returned: if it was given
      type: int
      sample: 50
    DnsServers:
      description: Who is asked for names that are not on the network. Empty if it is those of the host.
      returned: success
      type: list
      elements: str
      sample: [10.90.0.53]
    Options:
      description: Options of the driver, by Docker's keys, values as text.
      returned: success
      type: dict
      sample: {com.docker.network.driver.mtu: '1400'}
    Labels:
      description: Labels of the network.
      returned: success
      type: dict
      sample: {tier: data}
    Host:
      description: What Docker leaves out about the network's device on this host.
      returned: success
      type: dict
      contains:
        Device:
          description: Name of the bridge. Empty for the networks V(host) and V(none).
          returned: success
          type: str
          sample: br-f2f4bb7ca2a9
        Mtu:
          description: MTU of the bridge, in bytes. It means nothing for the networks V(host) and V(none).
          returned: success
          type: int
          sample: 1500
        Dns:
          description: Whether names on the network are asked for, and not in hosts files.
          returned: success
          type: bool
          sample: true
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
          description: Interface with that address. Empty for the loopback, from which the host's routes lead on.
          returned: if the driver is V(overlay)
          type: str
          sample: eth0
        Learning:
          description: Whether the host learns where endpoints are. V(false) if it is told of all of them.
          returned: if the driver is V(overlay)
          type: bool
          sample: true
    Peers:
      description: The other hosts that have the network.
      returned: if the driver is V(overlay)
      type: list
      elements: dict
      sample: [{Name: other, IP: 192.0.2.12}]
networks:
  description:
    - The networks in the order of O(networks), in the same shape. Those with O(networks[].state=absent) are left out.
  returned: success, if O(networks) is given
  type: list
  elements: dict
  contains: *network
"""

from ansible_collections.cnm.linux.plugins.module_utils._cnm.task import run

ITEM: dict[str, object] = {
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "driver": {"type": "str", "choices": ["bridge", "overlay", "host", "null"]},
    "driver_options": {"type": "dict"},
    "ipam_config": {
        "type": "list",
        "elements": "dict",
        "options": {
            "subnet": {"type": "str", "required": True},
            "gateway": {"type": "str"},
            "iprange": {"type": "str"},
            "aux_addresses": {"type": "dict"},
        },
    },
    "enable_ipv6": {"type": "bool"},
    "internal": {"type": "bool"},
    "dns": {"type": "bool"},
    "dns_servers": {"type": "list", "elements": "str"},
    "routes": {
        "type": "list",
        "elements": "dict",
        "options": {
            "destination": {"type": "str", "required": True},
            "gateway": {"type": "str"},
            "metric": {"type": "int"},
            "type": {"type": "str", "choices": ["unicast", "blackhole", "unreachable", "prohibit"]},
        },
    },
    "no_default_route": {"type": "bool"},
    "metric": {"type": "int"},
    "peers": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "endpoints": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "name": {"type": "str", "required": True},
                    "ipv4_address": {"type": "str"},
                    "ipv6_address": {"type": "str"},
                    "mac_address": {"type": "str"},
                    "aliases": {"type": "list", "elements": "str"},
                },
            },
        },
    },
    "labels": {"type": "dict"},
    "force": {"type": "bool"},
}
ARGUMENTS: dict[str, object] = {
    **ITEM,
    "networks": {
        "type": "list",
        "elements": "dict",
        "options": {**ITEM, "name": {"type": "str", "required": True}},
    },
}


def main() -> None:
    """Run the module."""
    run("network", ARGUMENTS)


if __name__ == "__main__":
    main()
