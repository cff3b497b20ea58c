# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names that sandboxes see: files, and the records of the name server."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Container, Dict, List, Optional, Sequence

from ..drivers import driver
from ..model.endpoint import Endpoint
from ..model.network import Network
from ..model.overlay_peer import Remote
from ..model.sandbox import Sandbox
from ..naming import hosts_files
from ..resources.resource import Resource
from ..resources.routes import Attachment
from ..store.queries import Queries
from .attachments import attachments, has_host_stack
from .elsewhere import has_agents, informed, reported_remotes
from .host_facts import Host


class Names:
    """The resources with the names of a store's objects."""

    def __init__(self, store: Queries, host: Host, contents: bool, given_way: Callable[[], Container[str]]) -> None:
        """Use the objects of STORE on HOST.

        :param contents: whether to work out the contents of files; if not, the files are empty
        :param given_way: returns the ids of endpoints that are not made, because they are on other hosts
        """
        self._store = store
        self._host = host
        self._contents = contents
        self._given_way = given_way
        self._lines: Dict[str, str] = {}
        self._resolv_conf: Optional[str] = None
        self._ipv6: Optional[bool] = None

    def has_dns(self, network: Network) -> bool:
        """Say whether NETWORK uses DNS. If the name server program was uninstalled, names are in files again."""
        return network.has_dns and self._host.has_name_server()

    def of_network(self, network: Network) -> List[Resource]:
        """Return what serves the names of NETWORK; nothing if they are in files."""
        if not self.has_dns(network):
            return []
        from ..resources.dns import NameServer

        answering: List[Resource] = [NameServer(str(gateway)) for _pool, gateway in network.gateways()]
        return [self._records(network), *answering]

    def _records(self, network: Network) -> Resource:
        from ..naming.dns_records import no_records, records

        if not self._contents:
            return no_records(network)
        here = self._here(network)
        servers = dict.fromkeys((str(one.sandbox) for one in here), network.dns_servers)
        servers.update(self._store.name_servers(network.id))
        return records(network, here, self._away(network, here), servers)

    def of_sandbox(self, sandbox: Sandbox) -> List[Resource]:
        """Return the files with the names that SANDBOX sees."""
        pairs = attachments(self._store, sandbox.id)
        if has_host_stack(pairs):
            return []
        if not self._contents:
            return [*hosts_files.empty(sandbox)]
        networks = [network for network, _endpoint in pairs]
        by_name = sorted(networks, key=lambda network: network.name)
        # DNS is not asked for a name in the file, and others may have the same alias.
        parts = [self._lines_of(network) for network in by_name if not self.has_dns(network)]
        gateways = [
            str(gateway)
            for network, endpoint in pairs
            if self.has_dns(network)
            for _pool, gateway in network.gateways()
            if endpoint.address(gateway.version)
        ]
        own = [endpoint for _network, endpoint in pairs]
        reaches = {
            address.version for network, endpoint in pairs if not network.internal for address in endpoint.addresses
        }
        if self._resolv_conf is None or self._ipv6 is None:
            self._resolv_conf, self._ipv6 = self._host.resolv_conf(), self._host.ipv6()
        if sandbox.dns_servers is None:
            named = tuple(dict.fromkeys(one for network in networks for one in network.dns_servers))
            sandbox = replace(sandbox, dns_servers=named) if named else sandbox
        return [
            hosts_files.hosts(sandbox, own, parts, self._ipv6, _host_gateways(pairs)),
            hosts_files.resolv_conf(sandbox, self._resolv_conf, reaches, gateways),
        ]

    def _lines_of(self, network: Network) -> str:
        if network.id not in self._lines:
            here = self._here(network)
            self._lines[network.id] = hosts_files.lines(network, [*here, *self._away(network, here)])
        return self._lines[network.id]

    def _here(self, network: Network) -> List[Endpoint]:
        given_way = self._given_way()
        return [one for one in self._store.running_endpoints(network.id) if one.id not in given_way]

    def _away(self, network: Network, here: Sequence[Endpoint]) -> List[Remote]:
        """Return the known endpoints on other hosts, except those that are declared there but are HERE.

        Containers of different hosts may have one name. Then it has the addresses of all of them.
        """
        if not any(peer.endpoints for peer in network.peers) and has_agents(network):
            return reported_remotes(self._store, network, self._given_way())
        names = {endpoint.name for endpoint in here}
        moved = {(peer.name, remote.name) for peer, remote in network.declared_remotes() if remote.name in names}
        remotes = informed(self._store, network, self._given_way()).remotes()
        return [remote for peer, remote in remotes if (peer.name, remote.name) not in moved]


def _host_gateways(pairs: Sequence[Attachment]) -> List[str]:
    """Return the host's addresses on the first network that has any, of the families that the endpoint has."""
    for network, endpoint in pairs:
        if not driver(network.driver).host_is_gateway(network):
            continue
        gateways = [str(gateway) for _pool, gateway in network.gateways() if endpoint.address(gateway.version)]
        if gateways:
            return gateways
    return []
