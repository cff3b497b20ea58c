#!/usr/bin/python

# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sandboxes: argument spec, documentation and the way into the core."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cnm_sandbox
short_description: Manage sandboxes of the Container Network Model
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Creates, changes, stops and removes sandboxes on a Linux host.
  - A sandbox is a separate network stack. It is a network namespace with interfaces, routes, names and DNS settings.
  - A sandbox can be on several networks. O(networks) creates an endpoint on each of them and joins it, so the usual
    case needs only one task.
  - C(ip netns exec) finds the namespace by the name of the sandbox, unless it was adopted under another name. Programs
    that are started in this way see the sandbox's C(/etc/hosts) and C(/etc/resolv.conf).
  - Use either O(name) for one sandbox, or O(sandboxes) for several. O(sandboxes) cannot be combined with any other
    option.
extends_documentation_fragment:
  - cnm.linux._attributes
  - cnm.linux._attributes.changes
  - cnm.linux._host
attributes:
  idempotent:
    support: partial
    details:
      - With O(state=restarted), every run restarts the sandbox and reports a change.
options:
  name: &name
    description:
      - Name of the sandbox, and of its endpoints. It identifies the sandbox in later runs.
      - Up to 63 letters, digits, V(_), V(.) and V(-). The first character is a letter or a digit.
    type: str
  state: &state
    description:
      - V(present) creates the sandbox, starts it if it is stopped, and changes it if it differs.
      - V(stopped) removes the namespace and the interfaces. The endpoints keep their addresses for the next start. A
        sandbox that does not exist is created, but not started.
      - V(restarted) stops the sandbox if it is running, and starts it.
      - V(absent) removes the sandbox. Endpoints that O(networks) created are deleted. Endpoints that
        M(cnm.linux.cnm_endpoint) created leave the sandbox and keep their addresses.
      - Programs are not stopped. Programs in a removed namespace keep running without any interface.
      - An adopted namespace is never removed. Only our additions to it are removed.
    type: str
    choices:
      - present
      - stopped
      - restarted
      - absent
    default: present
  netns: &netns
    description:
      - Path of an existing network namespace, such as V(/run/netns/legacy). The sandbox adopts it.
      - Its own default routes stay. The sandbox's default routes take precedence over them.
      - Mutually exclusive with O(pid). Without both, a new sandbox gets its own namespace, and an existing sandbox
        keeps its namespace.
      - With another path, the sandbox moves there with its endpoints. If it had its own namespace, this is removed.
    type: path
  pid: &pid
    description:
      - Id of a process whose network namespace the sandbox adopts. The process must run as long as the sandbox is used.
        If it has ended, a task is refused unless it gives another process, or stops or removes the sandbox.
      - Mutually exclusive with O(netns).
    type: int
  hostname: &hostname
    description:
      - Name for the sandbox's own addresses in its C(/etc/hosts). The default is O(name).
    type: str
  domainname: &domainname
    description:
      - Domain of O(hostname). The default is none.
    type: str
  dns_servers: &dns_servers
    description:
      - Addresses of name servers. The default is those of the host's name servers that a sandbox can reach.
    type: list
    elements: str
  dns_search_domains: &dns_search_domains
    description:
      - Search domains. The default is those of the host.
    type: list
    elements: str
  dns_opts: &dns_opts
    description:
      - Options of the resolver, such as V(ndots:2). The default is those of the host.
      - The order of the options, and duplicates, do not matter. The list replaces all options, while
        C(community.docker) keeps those that are left out.
      - On a network with DNS, V(ndots:0) and V(edns0) are added unless given here. With several servers, so is
        V(timeout).
    type: list
    elements: str
  etc_hosts: &etc_hosts
    description:
      - Additional names for the sandbox's C(/etc/hosts), each with its address or a list of addresses. The default is
        none.
      - The dictionary replaces all names, while C(community.docker) keeps those that are left out. The order of the
        addresses of a name matters, because programs use the first one.
      - Instead of an address, V(host-gateway) means the host, at the address where the sandbox reaches it. This is the
        gateway of the network with the default route, for each IP version that the sandbox has there. Docker uses the
        gateway of its default bridge instead, but sandboxes on other networks cannot reach that. While the sandbox has
        no network with a gateway, the name is not in the file.
    type: dict
  sysctls: &sysctls
    description:
      - Kernel parameters of the namespace and their values. Only keys that begin with V(net.) are accepted.
      - A key that is removed from the list keeps its value until the next start.
      - The values of C(net.ipv4.tcp_fastopen_key) and C(net.ipv6.conf.*.stable_secret) are secrets. Results, messages
        and logs do not show them.
      - If C(net.ipv6.conf.all.disable_ipv6), or the same parameter of an interface, switches IPv6 off, the sandbox has
        only IPv4 on networks with IPv6. Its endpoints keep their IPv6 addresses for when it is switched on again.
    type: dict
  routes: &routes
    description:
      - Routes of the sandbox itself. They take precedence over those of its networks. The default is none.
      - The list replaces all routes. An empty list removes them.
      - For a default route with another metric, or another gateway, list one to V(0.0.0.0/0) or V(::/0).
    type: list
    elements: dict
    suboptions:
      destination:
        description:
          - Destination of the route, a subnet or an address. Host bits are refused.
          - V(0.0.0.0/0) or V(::/0) replaces the default route.
        type: str
        required: true
      gateway:
        description:
          - The router, an address in the subnet of one of its networks.
          - It is required for V(unicast), and refused for the other types.
        type: str
      metric:
        description:
          - If several routes have the same destination, the one with the lowest metric is used. The default is V(0) for
            IPv4 and V(1024) for IPv6.
        type: int
      type:
        description:
          - V(unicast) routes packets to O(routes[].gateway). V(blackhole) drops packets silently. V(unreachable) and
            V(prohibit) drop them and notify the sender.
          - The default is V(unicast).
        type: str
        choices:
          - unicast
          - blackhole
          - unreachable
          - prohibit
  no_default_route: &no_default_route
    description:
      - With V(true), the sandbox gets no default route from any of its networks. The default is V(false).
    type: bool
  networks: &networks
    description:
      - The networks that the sandbox is on. An endpoint with the sandbox's name is created and joined on each. If an
        endpoint with this name exists already, and is in this sandbox or in none, it is used instead.
      - Without this option, the endpoints stay unchanged, and a new sandbox has none.
      - When a network is removed from the list, its endpoint is deleted if the list created it. If
        M(cnm.linux.cnm_endpoint) created it, it only leaves the sandbox, and keeps its addresses. An empty list removes
        all networks.
      - Endpoints that only M(cnm.linux.cnm_endpoint) has joined are not touched.
      - The predefined networks V(host) and V(none) cannot be combined with others.
      - A sandbox in which programs run cannot move to V(host), because the programs would lose their network.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the network. It must exist.
        type: str
        required: true
      ipv4_address:
        description: IPv4 address, without a prefix length. The default is the lowest free address, chosen once and
          kept, or one from a DHCP server if O(cnm.linux.cnm_network#module:ipam_driver=dhcp).
        type: str
      ipv6_address:
        description: IPv6 address, without a prefix length. The default is the lowest free address, chosen once and
          kept.
        type: str
      mac_address:
        description:
          - MAC address. The default is V(02:42:) followed by the four bytes of the IPv4 address. On a network of driver
            V(ipvlan), endpoints have none of their own.
        type: str
      aliases:
        description: Additional names by which others on this network find the sandbox. The default is none.
        type: list
        elements: str
      gateway_priority:
        description:
          - The network with the highest number provides the default route. The default is V(0).
          - Among equal numbers, networks that are not internal come first, then the name decides.
        type: int
        aliases: [gw_priority]
      interface_name:
        description:
          - Name of the interface in the sandbox, at most 15 characters. The default is the first free name of V(eth0),
            V(eth1) and so on, chosen at the first join and kept. The network's option
            C(com.docker.network.container_iface_prefix) can replace V(eth).
          - On a network of driver V(openvswitch), the default is the name of the port, V(ovs) and the first 12 digits
            of the endpoint's id. With datapath V(netdev), it cannot be another one.
        type: str
  published_ports: &published_ports
    description:
      - Ports of the sandbox that are published on the host. The list replaces all ports. An empty list means none.
      - A string has the form V([HOST_ADDRESS:][HOST_PORT:]PORT[/PROTOCOL]), for example V(8080:80), V(8053:53/udp),
        V(127.0.0.1:8080:80), V([fd00::1]:8080:80), V(8000-8010:80-90) or V(80). Both ranges must have the same length.
      - A dictionary has C(container_port) (a number, or a range such as V("80-90")), and may have C(host_port) (the
        same), C(host_ip), C(protocol), and C(allowed_sources), a list of the addresses and subnets that may use the
        port. The list also applies to the host's own connections; to allow them, include V(127.0.0.0/8). Without it,
        everybody may use the port. An empty list is refused.
      - The protocol is V(tcp), V(udp) or V(sctp). The default is V(tcp).
      - Without a host address, the port is open at all addresses of the host. Without a host port, a free one is chosen
        once and kept. RV(sandbox.Ports) shows it.
      - The ports belong to the endpoint that has the default route when they are declared, and stay with this endpoint.
        If the sandbox leaves its network, they move to the endpoint that then has the default route.
      - On a network with gateway mode V(routed), the port is open at the endpoint's own address, and the host port has
        no effect.
      - A host port that another endpoint or a program of the host uses is refused.
    type: list
    elements: raw
  labels: &labels
    description:
      - Names and values for your own use. Values are stored as text.
      - The dictionary replaces all labels. Labels that are left out are removed.
    type: dict
  sandboxes:
    description:
      - Several sandboxes, each with the options of the single form.
    type: list
    elements: dict
    suboptions:
      name:
        <<: *name
        required: true
      state: *state
      netns: *netns
      pid: *pid
      hostname: *hostname
      domainname: *domainname
      dns_servers: *dns_servers
      dns_search_domains: *dns_search_domains
      dns_opts: *dns_opts
      etc_hosts: *etc_hosts
      sysctls: *sysctls
      routes: *routes
      no_default_route: *no_default_route
      networks: *networks
      published_ports: *published_ports
      labels: *labels
seealso:
  - module: cnm.linux.cnm_sandbox_info
  - module: cnm.linux.cnm_network
  - module: cnm.linux.cnm_endpoint
"""

EXAMPLES = r"""
- name: The networks for the sandboxes below
  cnm.linux.cnm_network:
    networks:
      - name: web
      - name: backend
        ipam_config:
          - subnet: 10.77.0.0/16

- name: A sandbox on one network
  cnm.linux.cnm_sandbox:
    name: db
    networks:
      - name: backend

- name: A sandbox on two networks, with published ports
  cnm.linux.cnm_sandbox:
    name: www
    networks:
      - name: web
        gateway_priority: 10
      - name: backend
        ipv4_address: 10.77.0.80
        mac_address: "02:42:0a:4d:00:50"
        aliases: [frontend]
        interface_name: data0
    published_ports:
      - "8080:80"
      - "8053:53/udp"
      - "127.0.0.1:8081:81"
      - "8100-8109:9100-9109"

- name: Run a program that finds the other sandbox by name
  ansible.builtin.command: ip netns exec www getent hosts db
  changed_when: false

- name: A port for certain sources only, and one with a chosen host port
  cnm.linux.cnm_sandbox:
    name: www
    published_ports:
      - container_port: 443
        host_port: 8443
        protocol: tcp
        allowed_sources:
          - 192.0.2.0/24
          - 198.51.100.7
      - "80"

- name: Names, DNS and kernel parameters
  cnm.linux.cnm_sandbox:
    name: www
    hostname: www1
    domainname: example.com
    dns_servers: [192.0.2.53]
    dns_search_domains: [example.com]
    dns_opts: ["ndots:2"]
    etc_hosts:
      printer: 192.0.2.9
      scanner: [192.0.2.10, "2001:db8::10"]
      host.internal: host-gateway
    sysctls:
      net.ipv4.ip_unprivileged_port_start: 0
    labels:
      role: frontend

- name: Routes for one sandbox
  cnm.linux.cnm_sandbox:
    name: www
    routes:
      - destination: 10.95.0.0/16
        gateway: 10.77.0.81
        metric: 10
      - destination: 192.0.2.128/25
        type: blackhole

- name: Several sandboxes at once
  cnm.linux.cnm_sandbox:
    sandboxes:
      - name: worker1
        networks: [{name: backend}]
      - name: worker2
        networks: [{name: backend}]

- name: Restart a sandbox
  cnm.linux.cnm_sandbox:
    name: www
    state: restarted

- name: Stop a sandbox; its endpoints keep their addresses
  cnm.linux.cnm_sandbox:
    name: www
    state: stopped

- name: Start it again
  cnm.linux.cnm_sandbox:
    name: www

- name: Remove a sandbox from all networks
  cnm.linux.cnm_sandbox:
    name: worker2
    networks: []

- name: A namespace that already exists
  ansible.builtin.command: ip netns add legacy
  args:
    creates: /run/netns/legacy

- name: Adopt the namespace by its path
  cnm.linux.cnm_sandbox:
    name: old-app
    netns: /run/netns/legacy
    networks:
      - name: backend

- name: A program with its own network namespace, which prints its process id
  ansible.builtin.command:
    argv: [unshare, --net, setsid, --fork, sh, -c, "echo $$; exec sleep 600 >/dev/null 2>&1"]
  register: program
  changed_when: true

- name: Adopt the namespace of the program
  cnm.linux.cnm_sandbox:
    name: program
    pid: "{{ program.stdout | int }}"
    networks:
      - name: backend

- name: Release both namespaces, and remove the other sandboxes
  cnm.linux.cnm_sandbox:
    sandboxes:
      - {name: old-app, state: absent}
      - {name: program, state: absent}
      - {name: www, state: absent}
      - {name: db, state: absent}
      - {name: worker1, state: absent}
      - {name: worker2, state: absent}

- name: End the program
  ansible.builtin.command: "kill {{ program.stdout | int }}"
  changed_when: true

- name: Remove the namespace
  ansible.builtin.command: ip netns delete legacy
  args:
    removes: /run/netns/legacy

- name: Remove the networks
  cnm.linux.cnm_network:
    networks:
      - {name: web, state: absent}
      - {name: backend, state: absent}
"""

RETURN = r"""
sandbox:
  description:
    - The sandbox, with Docker's names for the values. Empty after O(state=absent).
    - Check mode returns the same as the run.
  returned: success, if O(name) is given
  type: dict
  contains: &sandbox
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
      description: V(running) or V(stopped), the state after the task.
      returned: success
      type: str
      sample: running
    SandboxKey:
      description: Path of the network namespace. Empty for a sandbox on the network V(host).
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
sandboxes:
  description:
    - The sandboxes in the order of O(sandboxes), in the same format. Those with O(sandboxes[].state=absent) are left
      out.
  returned: success, if O(sandboxes) is given
  type: list
  elements: dict
  contains: *sandbox
"""

from ansible_collections.cnm.linux.plugins.module_utils._cnm.task import run

ITEM: dict[str, object] = {
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "stopped", "restarted", "absent"], "default": "present"},
    "netns": {"type": "path"},
    "pid": {"type": "int"},
    "hostname": {"type": "str"},
    "domainname": {"type": "str"},
    "dns_servers": {"type": "list", "elements": "str"},
    "dns_search_domains": {"type": "list", "elements": "str"},
    "dns_opts": {"type": "list", "elements": "str"},
    "etc_hosts": {"type": "dict"},
    "sysctls": {"type": "dict"},
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
    "networks": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "ipv4_address": {"type": "str"},
            "ipv6_address": {"type": "str"},
            "mac_address": {"type": "str"},
            "aliases": {"type": "list", "elements": "str"},
            "gateway_priority": {"type": "int", "aliases": ["gw_priority"]},
            "interface_name": {"type": "str"},
        },
    },
    "published_ports": {"type": "list", "elements": "raw"},
    "labels": {"type": "dict"},
}
LISTED: dict[str, object] = {**ITEM, "name": {"type": "str", "required": True}}
ARGUMENTS: dict[str, object] = {
    **ITEM,
    "sandboxes": {
        "type": "list",
        "elements": "dict",
        "options": LISTED,
        "mutually_exclusive": [("netns", "pid")],
    },
}


def main() -> None:
    """Run the module."""
    run("sandbox", ARGUMENTS)


if __name__ == "__main__":
    main()
