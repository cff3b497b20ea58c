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
  - Makes, changes, stops and removes sandboxes on a Linux host.
  - A sandbox is a network stack of its own. It is a network namespace with interfaces, routes, names and DNS
    settings.
  - A sandbox can be on several networks. O(networks) makes an endpoint on each of them and joins it, so that the
    usual case is one task.
  - C(ip netns exec) finds the namespace under the name of the sandbox, unless it was adopted under another one.
    Programs that are started so see the sandbox's C(/etc/hosts) and C(/etc/resolv.conf).
  - Either O(name) describes one sandbox, or O(sandboxes) describes several. The two cannot be combined, and beside
    O(sandboxes) no other option is accepted.
extends_documentation_fragment:
  - cnm.linux._attributes
  - cnm.linux._attributes.changes
  - cnm.linux._host
attributes:
  idempotent:
    support: partial
    details:
      - With O(state=restarted) every run restarts the sandbox and is a change.
options:
  name: &name
    description:
      - Name of the sandbox. It is the key by which the sandbox is found again, and the name of its endpoints.
      - Up to 63 letters, digits, V(_), V(.) and V(-), the first of them a letter or a digit.
    type: str
  state: &state
    description:
      - V(present) makes the sandbox, starts it if it is stopped, and changes it where it differs.
      - V(stopped) takes the namespace and the interfaces away. The endpoints keep their addresses, and get them back
        at the next start. A sandbox that does not exist is made, but not started.
      - V(restarted) stops the sandbox if it runs, and starts it.
      - V(absent) removes the sandbox. Endpoints that O(networks) has made are deleted. Those that
        M(cnm.linux.cnm_endpoint) has made leave it and keep their addresses.
      - Programs are not ended. Those that run in a namespace that is taken away go on without any interface.
      - An adopted namespace is never destroyed. Only what was added to it is taken away.
    type: str
    choices:
      - present
      - stopped
      - restarted
      - absent
    default: present
  netns: &netns
    description:
      - Path of a network namespace that exists already, such as V(/run/netns/legacy). The sandbox adopts it.
      - Default routes that it has stay. Those of the sandbox come before them as long as they are there.
      - Mutually exclusive with O(pid). Without both, a new sandbox gets a namespace of its own, and an existing one
        stays where it is.
      - With another path, the sandbox moves there with its endpoints. A namespace of its own is removed then.
    type: path
  pid: &pid
    description:
      - Id of a process whose network namespace the sandbox adopts. The process must run as long as the sandbox is used.
        When it has ended, a task that neither gives another one nor stops or removes the sandbox is refused.
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
      - Addresses of nameservers. The default is those of the host that can be reached from a sandbox.
    type: list
    elements: str
  dns_search_domains: &dns_search_domains
    description:
      - Domains to search. The default is those of the host.
    type: list
    elements: str
  dns_opts: &dns_opts
    description:
      - Options of the resolver, such as V(ndots:2). The default is those of the host.
      - Two lists that have the same options in another order, or one of them twice, are the same.
      - On a network with DNS V(ndots:0), V(edns0) and, with several servers, V(timeout) are added unless given here.
    type: list
    elements: str
  etc_hosts: &etc_hosts
    description:
      - More names for the sandbox's C(/etc/hosts), each with its address or a list of addresses. The default is none.
      - In place of an address, V(host-gateway) is the host as the sandbox reaches it. It is the gateway of the network
        with the default route, of each IP version that the sandbox has there. Docker takes that of its default bridge
        instead, which no sandbox on another network reaches here. While the sandbox is on no network with a gateway,
        such a name is not in the file.
    type: dict
  sysctls: &sysctls
    description:
      - Kernel parameters of the namespace and their values. Only keys that begin with V(net.) are accepted.
      - A key that is no longer listed keeps its value until the next start.
      - The values of C(net.ipv4.tcp_fastopen_key) and C(net.ipv6.conf.*.stable_secret) are secrets. No result, message
        or log shows them.
      - If they switch IPv6 off, by C(net.ipv6.conf.all.disable_ipv6) or that of an interface, the sandbox has IPv4
        alone on networks with IPv6. Its endpoints keep their IPv6 addresses for when it is switched on again.
    type: dict
  routes: &routes
    description:
      - Routes of the sandbox itself. They come before those of its networks. The default is none.
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
          - The router, an address in the subnet of one of its networks.
          - It is needed with V(unicast), and refused with the other types.
        type: str
      metric:
        description:
          - Of several routes to one destination, the one with the lowest metric is used. The default is V(0)
            for IPv4 and V(1024) for IPv6.
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
      - With V(true), the sandbox gets no default route from any of its networks. The default is V(false).
    type: bool
  networks: &networks
    description:
      - The networks that the sandbox is on. An endpoint with the sandbox's name is made on each, and joined. An
        endpoint of that name that exists in no sandbox, or one that is in the sandbox already, is used in its place,
        and leaves when this list no longer names its network.
      - If it is left out, the endpoints stay as they are, and a new sandbox has none.
      - If it is given, the endpoints that the list has made, and no longer names, are deleted. Those that it has named
        and M(cnm.linux.cnm_endpoint) has made only leave, and keep their addresses. An empty list names none.
      - Endpoints that only M(cnm.linux.cnm_endpoint) has joined are not touched.
      - The predefined networks V(host) and V(none) cannot be combined with others.
      - A sandbox in which programs run cannot move to V(host), as they would be left without a network.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the network. It must exist.
        type: str
        required: true
      ipv4_address:
        description: IPv4 address, without a prefix length. The default is the lowest free one, chosen once and kept.
        type: str
      ipv6_address:
        description: IPv6 address, without a prefix length. The default is the lowest free one, chosen once and kept.
        type: str
      mac_address:
        description: MAC address. The default is V(02:42:) and the four bytes of the IPv4 address.
        type: str
      aliases:
        description: More names by which the others on this network find the sandbox. The default is none.
        type: list
        elements: str
      gateway_priority:
        description:
          - The network with the highest number provides the default route. The default is V(0).
          - If several have the same number, it is the one that is not internal, then the first by name.
        type: int
        aliases: [gw_priority]
      interface_name:
        description:
          - Name of the interface in the sandbox, at most 15 characters. The default is the first free of V(eth0),
            V(eth1) and so on, chosen at the first join and kept. The network's option
            C(com.docker.network.container_iface_prefix) can replace V(eth).
        type: str
  published_ports: &published_ports
    description:
      - Ports of the sandbox that are reached at the host. The list is all of them, and an empty list means none.
      - A text has the form V([HOST_ADDRESS:][HOST_PORT:]PORT[/PROTOCOL]), for example V(8080:80), V(8053:53/udp),
        V(127.0.0.1:8080:80), V([fd00::1]:8080:80), V(8000-8010:80-90) or V(80). Both ranges must have
        the same length.
      - A dictionary has C(container_port) (a number, or a range such as V("80-90")), and may have C(host_port) (the
        same), C(host_ip), C(protocol), and C(allowed_sources), a list of the addresses and subnets that may use the
        port. It holds for the host's own connections too, so list V(127.0.0.0/8) to let these in.
        Without it everybody may use the port. An empty list is refused.
      - The protocol is V(tcp), V(udp) or V(sctp). The default is V(tcp).
      - Without a host address, the port is open at all addresses of the host. Without a host port, a free one is
        chosen once and kept. RV(sandbox.Ports) tells which.
      - The ports belong to the endpoint that has the default route when they are declared, and stay with it. If the
        sandbox leaves its network, they move to the endpoint that has the default route then.
      - On a network of gateway mode V(routed), the port is open at the endpoint's own address, and a host port means
        nothing.
      - A host port that another endpoint or a program of the host uses is refused.
    type: list
    elements: raw
  labels: &labels
    description:
      - Names and values for your own use. Values are kept as text.
      - The dictionary is the whole of the labels. Those left out of it are removed.
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

- name: Run a program in the sandbox, which finds the other one by its name
  ansible.builtin.command: ip netns exec www getent hosts db
  changed_when: false

- name: A port for certain sources only, and one whose host port is chosen
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

- name: Routes of its own
  cnm.linux.cnm_sandbox:
    name: www
    routes:
      - destination: 10.95.0.0/16
        gateway: 10.77.0.81
        metric: 10
      - destination: 192.0.2.128/25
        type: blackhole

- name: Several sandboxes in one go
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

- name: Stop a sandbox, whose endpoints keep their addresses
  cnm.linux.cnm_sandbox:
    name: www
    state: stopped

- name: Start it again
  cnm.linux.cnm_sandbox:
    name: www

- name: Take a sandbox off all networks
  cnm.linux.cnm_sandbox:
    name: worker2
    networks: []

- name: A namespace that somebody else has made
  ansible.builtin.command: ip netns add legacy
  args:
    creates: /run/netns/legacy

- name: Adopt the namespace by its path
  cnm.linux.cnm_sandbox:
    name: old-app
    netns: /run/netns/legacy
    networks:
      - name: backend

- name: A program with a network namespace of its own, which prints its process id
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

- name: Give both namespaces back, remove the other sandboxes
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
    - The sandbox, with Docker's names for its values. Empty after O(state=absent).
    - In check mode it is what the run would return.
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
      description: V(running) or V(stopped), as the task has made it.
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
      description: More names in its C(/etc/hosts), each with its address.
      returned: success
      type: list
      elements: str
      sample: ['printer:192.0.2.9']
    Sysctls:
      description: Kernel parameters that were given for the namespace, as text.
      returned: success
      type: dict
      sample: {net.ipv4.ip_unprivileged_port_start: '0'}
    Routes:
      description: Routes that were given for the sandbox itself.
      returned: success
      type: list
      elements: dict
      sample: [{Destination: 10.95.0.0/16, Gateway: 10.77.0.81, Metric: 10, Type: unicast}]
    NoDefaultRoute:
      description: Whether the sandbox takes no default route from its networks.
      returned: success
      type: bool
      sample: false
    Labels:
      description: Labels of the sandbox.
      returned: success
      type: dict
      sample: {role: frontend}
    Networks:
      description: The networks that the sandbox is on, by their names, each with the values of the endpoint there.
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
      description: Published ports, by the port in the sandbox and the protocol.
      returned: success
      type: dict
      sample:
        80/tcp:
          - HostIp: 0.0.0.0
            HostPort: '8080'
sandboxes:
  description:
    - The sandboxes in the order of O(sandboxes), in the same shape. Those with O(sandboxes[].state=absent) are left
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
