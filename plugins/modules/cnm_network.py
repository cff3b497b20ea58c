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
  - Creates, changes and removes networks on a Linux host.
  - A network is a group of endpoints that reach each other. It has address pools, a driver, options and labels.
  - Networks are isolated from each other. No container engine is needed.
  - The networks V(bridge), V(host) and V(none) always exist. They cannot be created, changed or removed.
  - Use either O(name) for one network, or O(networks) for several. O(networks) cannot be combined with any other
    option.
extends_documentation_fragment:
  - cnm.linux._attributes
  - cnm.linux._attributes.changes
  - cnm.linux._host
attributes:
  idempotent:
    details:
      - O(force=true) does not touch a network that is already in the wanted state.
options:
  name: &name
    description:
      - Name of the network. It identifies the network in later runs.
      - Up to 63 letters, digits, V(_), V(.) and V(-). The first character is a letter or a digit.
    type: str
  state: &state
    description:
      - V(present) creates the network, or changes it if it differs.
      - V(absent) removes it. A network with endpoints is removed only with O(force=true).
    type: str
    choices:
      - present
      - absent
    default: present
  driver: &driver
    description:
      - Network driver. The default for a new network is V(bridge).
      - V(bridge) is a Linux bridge with NAT to the outside.
      - V(overlay) is a network that spans several hosts. Each host has a bridge, and a VXLAN device that connects it to
        the bridges of the other hosts, O(peers). The gateway has the same addresses on all hosts. A sandbox reaches the
        outside, and is reached at its published ports, through its own host. The module M(cnm.linux.topology) sets
        O(peers), and everything else that differs between hosts, from the inventory.
      - V(macvlan) puts each sandbox on the LAN of an interface of the host, the C(parent) of O(driver_options), with
        a MAC address and an IP address of its own there. Packets do not pass the host, so published ports, O(dns) and
        NAT do not exist. The gateway is the router of the LAN. The host itself does not reach the sandboxes, and they
        do not reach the host. Without a parent, the network is O(internal) and on a LAN of its own.
      - V(ipvlan) is like V(macvlan), but all sandboxes have the MAC address of the parent. So it works where a switch,
        an access point or a cloud accepts no other MAC addresses. It needs the kernel's module C(ipvlan).
      - V(openvswitch) is a bridge of Open vSwitch, or a VLAN of one. Each sandbox has an internal port of it, with the
        name of the port instead of C(eth0), or a veth pair if its interface has another name. The host only switches
        the packets. So there are no published ports, no O(dns) and no NAT, the host does not reach the sandboxes, and
        the gateway is a router that is on the bridge, too, such as that of the LAN behind an uplink. Flows and all
        other settings of the bridge are left alone. It needs the package C(openvswitch-switch), and its services
        running.
      - V(host) and V(null) are the drivers of the predefined networks V(host) and V(none). Other networks cannot have
        them.
      - The driver of a network cannot be changed. To use another driver, remove the network first.
    type: str
    choices:
      - bridge
      - overlay
      - macvlan
      - ipvlan
      - openvswitch
      - host
      - 'null'
  driver_options: &driver_options
    description:
      - Options of the driver, with Docker's keys. Unknown keys and malformed values are refused.
      - The dictionary replaces all options. A key that is left out gets its default again.
      - A boolean or number is the same as its text, so V(true) and V("true") do not differ.
      - C(com.docker.network.bridge.name) (string, at most 15 characters) names the bridge device. The default is V(br-)
        and the first 12 digits of the network's id. An existing bridge is adopted, and then never deleted. While
        endpoints are in running sandboxes, a change needs O(force=true).
      - C(com.docker.network.bridge.enable_icc) (boolean, default V(true)) lets endpoints of this network reach each
        other.
      - C(com.docker.network.bridge.enable_ip_masquerade) (boolean, default V(true)) hides the endpoints behind an
        address of the host when they reach the outside.
      - C(com.docker.network.bridge.host_binding_ipv4) (address, default V(0.0.0.0)) is the host's address for published
        ports that do not name one. With a value other than V(0.0.0.0), ports are not published by IPv6 unless
        C(cnm.host_binding_ipv6) is also given.
      - C(cnm.host_binding_ipv6) (address, default V(::)) is the same for IPv6. This key does not exist in Docker.
      - C(com.docker.network.bridge.inhibit_ipv4) (boolean, default V(false)) gives the bridge no IPv4 address. This
        leaves the network without a gateway, so it needs O(internal=true).
      - C(com.docker.network.bridge.gateway_mode_ipv4) and C(com.docker.network.bridge.gateway_mode_ipv6) (V(nat) or
        V(routed), default V(nat)). With V(routed) there is no NAT, and published ports are open at the endpoint's own
        address. Its other ports are closed.
      - C(com.docker.network.driver.mtu) (number of bytes, V(68) to V(65535), with IPv6 at least V(1280)) is the MTU of
        the bridge and of both ends of each link. The default is the MTU of the host's interface to the outside when the
        network is created, or the MTU of an adopted bridge.
      - C(com.docker.network.enable_ipv6) (boolean) is the same as O(enable_ipv6); the two must not differ.
      - C(com.docker.network.host_ipv4) and C(com.docker.network.host_ipv6) (address) is the source address of traffic
        to the outside, instead of the one that masquerading chooses. It should be an address of the host.
      - C(com.docker.network.container_iface_prefix) (string, default V(eth)) is the beginning of interface names in
        sandboxes.
      - C(cnm.allow_host_overlap) (boolean, default V(false)) accepts a subnet of O(ipam_config) even if it overlaps a
        directly connected route of the host. This key does not exist in Docker.
      - C(cnm.bridge.uplink) (string) is an interface of the host that becomes a port of the bridge, so that the
        endpoints are on its LAN. The gateway is then the router of the LAN, and the host does not take its address. The
        host has an address on the bridge only if O(ipam_config[].aux_addresses) has one with the name V(host). The
        interface must be an Ethernet interface that is up, has no address of the host, and is not used by something
        else; its other properties stay as they are. Ports cannot be published, and there is no NAT or O(dns). Options
        for a network whose gateway is the host are refused. The default MTU is that of the interface. While endpoints
        are in running sandboxes, a change needs O(force=true). This key does not exist in Docker.
      - A C(cnm.bridge.uplink) such as V(eth0.20) is a VLAN, which is created if it is missing, as with C(parent). An
        address of V(eth0) does not matter then.
      - Of these options, an V(overlay) supports C(com.docker.network.bridge.enable_ip_masquerade),
        C(com.docker.network.bridge.host_binding_ipv4), C(cnm.host_binding_ipv6), C(com.docker.network.driver.mtu),
        C(com.docker.network.enable_ipv6), C(com.docker.network.host_ipv4), C(com.docker.network.host_ipv6),
        C(com.docker.network.container_iface_prefix) and C(cnm.allow_host_overlap), and it also has the options below.
        Its default MTU is that of the host's interface when the network is created, minus 50 bytes, or minus 70 bytes
        between IPv6 addresses.
      - C(com.docker.network.driver.overlay.vxlanid_list) (number, V(1) to V(16777215)) is the VXLAN network identifier
        of an V(overlay), VNI. The default is derived from the name of the network and is the same on every host. If
        another network of the host already uses it, it is refused; set the identifier of one of the two networks.
      - C(cnm.overlay.vtep_address) (address) is the address of this host at which the others reach it. The default is
        the address of the interface with the default route. The hosts use the family of this address between them.
      - C(cnm.overlay.port) (number, default V(4789)) is the UDP port between the hosts. It must be the same on all
        hosts, and is refused if something else uses it.
      - C(cnm.overlay.learning) (boolean, default V(true)) says how a host knows the location of endpoints. With
        V(true), it sends broadcast traffic, and traffic to unknown addresses, to each of O(peers), and learns addresses
        from the traffic that it receives. With V(false), forwarding entries for the endpoints of O(peers) are
        preconfigured, and the host answers address queries for them. Endpoints that are not listed there cannot be
        reached. M(cnm.linux.topology) decides this itself if the option is not given. With C(cnm.overlay.control)
        V(etcd), the default is V(false).
      - C(cnm.overlay.control) (V(inventory), V(etcd) or V(evpn), default V(inventory)) says how a host gets to know
        endpoints of other hosts that O(peers) does not list. With V(inventory), M(cnm.linux.topology) exchanges them.
        With V(etcd), the service C(cnm serve --etcd) on each host publishes its endpoints in etcd and follows those of
        the others. With V(evpn), FRR on each host makes the forwarding entries, by BGP EVPN; hosts do not learn, and
        need IPv4 addresses. It must be the same on all hosts.
      - With C(cnm.overlay.control) V(etcd), the network itself is in etcd, too, and this module needs
        C(/etc/cnm/etcd.json), which the role P(cnm.linux.etcd#role) writes. The first host that creates the network
        defines it. Other hosts join it by its name, and what they leave out is as it is there; what they give must not
        differ. The hosts that have joined are peers in addition to O(peers). Each host claims a slice of each subnet,
        from which it then chooses addresses without asking; see O(ipam_config[].iprange). Addresses outside of it are
        claimed one by one. If etcd does not answer, whatever has to be claimed is refused. With the last host, the
        network is removed from etcd.
      - C(cnm.overlay.slices) (boolean, default V(true)) says whether each host has slices. V(false) needs
        C(cnm.overlay.control) V(etcd). Each host then chooses the lowest free address of the subnet, as Docker does,
        and claims it alone. It must be the same on all hosts.
      - C(cnm.overlay.names) (V(inventory) or V(etcd), default V(inventory)) says how a host gets to know the names of
        endpoints of other hosts, in the same ways, if C(cnm.overlay.control) is V(evpn), which knows only addresses.
      - C(encrypted) (boolean, default V(false)) lets the packets of an V(overlay) go between hosts only in a tunnel of
        WireGuard. As in Docker, the empty text is the same as V(true). The network is refused unless the address of
        this host, C(cnm.overlay.vtep_address), is on an interface of WireGuard. The host's firewall drops packets of
        the network that would leave, or that arrive, by another interface. The role C(cnm.linux.wireguard) makes the
        tunnel.
      - An V(openvswitch) has C(com.docker.network.bridge.name), C(cnm.bridge.uplink), C(com.docker.network.driver.mtu),
        C(com.docker.network.enable_ipv6) and C(com.docker.network.container_iface_prefix), which has no default here,
        and the two options below. A bridge of Open vSwitch with the name is adopted if it exists. Networks can have the
        same bridge if they have different VLANs. The uplink becomes a port for all VLANs of a bridge that was not
        adopted; a VLAN is not created for it.
      - C(cnm.openvswitch.vlan) (number, V(1) to V(4094)) is the VLAN of an V(openvswitch). Its frames have this tag on
        ports for several VLANs, such as the uplink, and none in the sandboxes. Without the option, they have none
        anywhere. It can be changed while sandboxes run.
      - C(cnm.openvswitch.datapath) (V(system) or V(netdev), default V(system)) says what switches the packets of an
        V(openvswitch). A bridge that is adopted must have the same. V(system) is the kernel's module C(openvswitch).
        V(netdev) is the process of Open vSwitch; it works with any kernel, and is slower. While endpoints are in
        running sandboxes, a change needs O(force=true).
      - V(macvlan) and V(ipvlan) have C(com.docker.network.driver.mtu), C(com.docker.network.enable_ipv6),
        C(com.docker.network.container_iface_prefix) and the following ones. By default, the MTU is that of the parent.
      - C(parent) (string) is the interface of the host for V(macvlan) or V(ipvlan). It must exist, be an Ethernet
        interface, and not be a port of a bridge or bond. Without C(parent), the network is internal. While endpoints
        are in running sandboxes, a change needs O(force=true).
      - A C(parent) such as V(eth0.10) is the VLAN with the tag C(10) (V(1) to V(4094), IEEE 802.1Q) of V(eth0), which
        must exist and be up. It is created if it is missing, has no address of the host, and is removed with the last
        network that needs it. A VLAN that exists when the network is created is adopted, and then never removed.
      - V(macvlan) networks can have the same C(parent), unless one of them has mode V(passthru). An V(ipvlan) network
        shares its parent with no other network.
      - C(macvlan_mode) (V(bridge), V(private), V(vepa) or V(passthru), default V(bridge)) says how the sandboxes of a
        V(macvlan) reach each other. With V(bridge) they do so directly; with V(private) not at all. With V(vepa) all
        packets go to the switch, which has to send them back. V(passthru) gives the parent to one sandbox alone, which
        also sets its MAC address. A change from or to V(passthru) needs O(force=true) while endpoints are in running
        sandboxes.
      - C(ipvlan_mode) (V(l2), V(l3) or V(l3s), default V(l2)) says how packets of an V(ipvlan) leave. With V(l2) the
        sandboxes are on the LAN of the parent, and the gateway is its router. With V(l3) there is no gateway. The
        host's routes through C(parent) count, which is then required, there is neither ARP nor broadcast, and other
        machines need a route to the subnet. With V(l3s) the host's firewall also sees the packets.
      - C(ipvlan_flag) (V(bridge), V(private) or V(vepa), default V(bridge)) says whether the sandboxes of an V(ipvlan)
        reach each other directly, not at all, or by way of a switch that sends packets back.
    type: dict
  ipam_driver: &ipam_driver
    description:
      - What gives endpoints their IPv4 addresses, unless they ask for one. It cannot be changed.
      - With V(default), which is the default, an endpoint gets the lowest address that is free.
      - With V(dhcp), it gets one from the DHCP server of the LAN when it first joins a sandbox. This needs C(busybox),
        whose DHCP client runs for each endpoint in a sandbox, O(driver=macvlan) with C(parent) or O(driver=bridge) with
        C(cnm.bridge.uplink) in O(driver_options), and the subnet of the LAN in O(ipam_config).
      - The task waits for the server, for 15 seconds at most, and fails without an answer. Check mode does not ask the
        server, and shows no address.
      - The server recognises the endpoint by its MAC address and can give another address later. Then the client
        changes the address at once. The next task or C(cnm restore) changes its names, with a warning.
      - If no server answers any more, the endpoint uses its address only as long as it was given.
      - An endpoint that leaves its sandbox keeps its address here, but does not renew it. An endpoint that is removed
        from its sandbox and deleted in one task gives it back.
      - Only the address is the server's. Its router, mask and name servers do not matter.
    type: str
    choices: [default, dhcp]
  ipam_config: &ipam_config
    description:
      - Address pools of the network, at most one for IPv4 and one for IPv6.
      - Without an IPv4 pool, a new network gets the first free one of V(172.17.0.0/16) to V(172.31.0.0/16), then of
        V(192.168.0.0/20) to V(192.168.240.0/20). Pools that overlap another network, a directly connected route or a
        nameserver of the host are skipped. The file C(/etc/cnm/cnm.json) can set other pools with
        C(default-address-pools), as in Docker's C(daemon.json).
      - Without an IPv6 pool, a new network with O(enable_ipv6=true) gets a unique local pool (V(/64)).
      - On an adopted bridge, a pool that is not given is taken from the bridge's address, if it has one.
      - The pools are chosen once and kept. If the list leaves out a family, its pool is kept. If an entry leaves out a
        value, this value is kept.
      - A change of a subnet is made in place if every endpoint can keep its addresses. Otherwise it needs
        O(force=true).
      - Subnets are required for an V(overlay), because a subnet that this host chooses may be in use on another host.
        If hosts choose addresses, give each host its own O(ipam_config[].iprange), so that two hosts never choose the
        same address.
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
          - Address of the bridge, or of the router of a V(macvlan) or V(ipvlan), or of a V(bridge) with
            C(cnm.bridge.uplink), inside the subnet. The default is the lowest address that is not in
            O(ipam_config[].aux_addresses). With C(ipvlan_mode) V(l3) or V(l3s) in O(driver_options), there is none.
        type: str
      iprange:
        description:
          - Part of the subnet, in CIDR notation, from which addresses are chosen. An endpoint may ask for an address
            outside it. The default is the whole subnet. An empty string resets it to the whole subnet.
          - With C(cnm.overlay.control=etcd) in O(driver_options), the default is a slice that no other host has, unless
            C(cnm.overlay.slices) is V(false).
        type: str
      aux_addresses:
        description:
          - Names and addresses that are already in use, such as a router's. Endpoints do not get them.
          - With C(cnm.bridge.uplink) in O(driver_options), the address with the name V(host) is the host's own.
        type: dict
  enable_ipv6: &enable_ipv6
    description:
      - Gives the network an IPv6 pool in addition to the IPv4 pool. The default is V(true) if O(ipam_config) has an
        IPv6 subnet, otherwise V(false).
      - V(false) removes the IPv6 pool. If there are endpoints, this needs O(force=true), because they lose their IPv6
        addresses.
    type: bool
  internal: &internal
    description:
      - Isolates the network from everything outside it. Its endpoints get no default route, and reach the host only at
        the network's gateway address. The default is V(false). A V(macvlan) or V(ipvlan) network is internal if it has
        no parent, and only then.
      - A network cannot become internal while its endpoints publish ports.
    type: bool
  dns: &dns
    description:
      - With V(true), a name server on the host, C(aardvark-dns), answers queries for the names on this network at its
        gateway addresses. It answers forward and reverse queries for all endpoints, including those listed in O(peers).
        A sandbox finds only the names on its own networks. Queries for all other names go to its C(dns_servers), or to
        those of the host.
      - The hosts file of a sandbox then has only the sandbox's own name. This helps on large networks, where each new
        or removed endpoint would otherwise change all hosts files.
      - For a new network, the default is V(true) if C(aardvark-dns) is installed and no other program listens on port
        53 of the gateways. Otherwise, names are in hosts files.
      - Without this option, an existing network keeps its setting. A network with O(internal=true) always has its names
        in hosts files, because it cannot reach other name servers.
    type: bool
  dns_servers: &dns_servers
    description:
      - Addresses of the name servers for all names that are not on this network. They apply to sandboxes without their
        own C(dns_servers). The default is the host's name servers.
      - The network's own gateway is refused. An empty list selects the host's name servers.
    type: list
    elements: str
  routes: &routes
    description:
      - Routes that each sandbox on this network gets in addition to the default route. The default is none.
      - A sandbox that is the router itself, or is on the destination subnet, does not get the route.
      - The list replaces all routes. An empty list removes them.
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
          - The router, an address in the subnet of this network.
          - It is required for V(unicast), and refused for the other types.
        type: str
      metric:
        description:
          - If several routes have the same destination, the one with the lowest metric is used. The default is
            O(metric).
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
      - With V(true), sandboxes get no default route through this network's gateway. If they are on other networks, one
        of those provides it. The default is V(false).
      - Without a default route, a published port can be used only from directly connected subnets, because the sandbox
        cannot route its answers to others.
    type: bool
  metric: &metric
    description:
      - Metric of the default route that the network provides, and of O(routes) without a metric. The default, V(0),
        selects the kernel's default, which is 0 for IPv4 and 1024 for IPv6.
      - In an adopted namespace, this default route always takes precedence over those of the namespace's owner,
        whatever its metric.
    type: int
  peers: &peers
    description:
      - The other hosts that have this network, for the driver V(overlay).
      - The list replaces all peers. Entries on the host for a peer that is left out are removed.
      - The default for a new network is none.
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
          - Address at which this host reaches the peer, the peer's C(cnm.overlay.vtep_address).
        type: str
        required: true
      endpoints:
        description:
          - The known endpoints of the peer. Sandboxes on this host find them by name, and their addresses are not
            assigned on this host.
          - If an endpoint of this host has the name and an address of an endpoint in the list, it has moved to the
            peer. It leaves its sandbox on this host and is removed. If only the address is the same, this is an error.
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
              - Its MAC address. The default is derived from its IP address.
            type: str
          aliases:
            description:
              - Additional names of the endpoint on the network.
            type: list
            elements: str
  labels: &labels
    description:
      - Names and values for your own use. Values are stored as text.
      - The dictionary replaces all labels. Labels that are left out are removed.
    type: dict
  engines: &engines
    description:
      - The container engines whose containers can be on this network. The default for a new network is none.
      - V(docker) makes the network known to the Docker of the host, under the same name. C(docker run --network NAME)
        then starts containers on it. This needs the service that the role C(cnm.linux.host) sets up with
        C(cnm_host_engines), and is possible with drivers V(bridge) and V(overlay), and with V(openvswitch) unless its
        datapath is V(netdev). It is not possible with O(ipam_driver=dhcp).
      - If Docker has lost its network, or if the subnets have changed, it learns the network again. While containers
        are on Docker's network, that and its removal need O(force=true), which disconnects them.
      - The list replaces all engines. With an empty list, no engine knows the network. O(state=absent) does
        this, too.
      - The environment variable E(DOCKER_HOST) of the task can name another socket of Docker, such as
        V(unix:///run/other.sock).
    type: list
    elements: str
    choices:
      - docker
  force: &force
    description:
      - With O(state=absent), removes the network together with its endpoints.
      - With O(state=present), allows a change that renumbers endpoints, or that recreates the bridge under another
        name. Endpoints keep the addresses that are in the new pools, and get new ones otherwise. Their connections are
        interrupted.
      - Without it, such changes are refused. All other changes are made in place, with or without it. The default is
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
      ipam_driver: *ipam_driver
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
      engines: *engines
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

- name: A network with its own subnet, gateway and range, and an existing router
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

- name: A network whose ports are published at two addresses of the host by default
  cnm.linux.cnm_network:
    name: behind-proxy
    enable_ipv6: true
    driver_options:
      com.docker.network.bridge.host_binding_ipv4: 127.0.0.1
      cnm.host_binding_ipv6: 2001:db8::2

- name: A network without access to the outside
  cnm.linux.cnm_network:
    name: vault
    internal: true

- name: A network of macvlan links that is on no interface of the host
  cnm.linux.cnm_network:
    name: bench
    driver: macvlan
    driver_options:
      macvlan_mode: private

- name: A network of ipvlan links that is on no interface of the host
  cnm.linux.cnm_network:
    name: flat
    driver: ipvlan
    driver_options:
      ipvlan_flag: private

# "parent: eth0.10" creates a VLAN for a network, "cnm.bridge.uplink: eth1" puts an interface of the host into its
# bridge, and "driver: openvswitch" makes it a bridge of Open vSwitch. This is done in docs/recipes.md.

# "engines: [docker]" lets Docker know a network. This is done in docs/containers.md.
- name: A network that no container engine of the host knows
  cnm.linux.cnm_network:
    name: web
    engines: []

- name: A network whose names are only in hosts files
  cnm.linux.cnm_network:
    name: plain
    dns: false

- name: A network with its own router to other subnets, and name servers behind it
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

- name: A network without NAT, where the hosts' router has a route to it
  cnm.linux.cnm_network:
    name: lab
    ipam_config:
      - subnet: 10.79.0.0/24
    driver_options:
      com.docker.network.bridge.name: br-lab
      com.docker.network.bridge.gateway_mode_ipv4: routed
      com.docker.network.driver.mtu: 1400

- name: A network that this host shares with another, with the known endpoints of the other host
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

- name: Several networks at once
  cnm.linux.cnm_network:
    networks:
      - name: blue
      - name: green
        labels:
          colour: green
      - name: red
        internal: true

- name: Change labels in place
  cnm.linux.cnm_network:
    name: backend
    labels:
      tier: storage

- name: Change the subnet, even if endpoints lose their addresses
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
    - The network in the format of C(docker network inspect). Empty after O(state=absent).
    - Check mode returns the same as the run. For this reason there is no C(Created).
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
        - The running sandboxes on the network, by id, each with the name and values of its endpoint.
        - For an V(overlay), also the known endpoints of its peers, by V(ep-) and an id. Each of these names its
          C(Host).
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
          description: Name of the bridge. Empty for the networks V(host) and V(none).
          returned: success
          type: str
          sample: br-f2f4bb7ca2a9
        Mtu:
          description: MTU of the bridge, in bytes. It has no meaning for the networks V(host) and V(none).
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
networks:
  description:
    - The networks in the order of O(networks), in the same format. Those with O(networks[].state=absent) are left out.
  returned: success, if O(networks) is given
  type: list
  elements: dict
  contains: *network
"""

from ansible_collections.cnm.linux.plugins.module_utils._cnm.task import run

ITEM: dict[str, object] = {
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "driver": {"type": "str", "choices": ["bridge", "overlay", "macvlan", "ipvlan", "openvswitch", "host", "null"]},
    "driver_options": {"type": "dict"},
    "ipam_driver": {"type": "str", "choices": ["default", "dhcp"]},
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
    "engines": {"type": "list", "elements": "str", "choices": ["docker"]},
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
