# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The container in a request of netavark."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from _cnm.model.errors import Problems

from .attachment import Attachment, Joining, address_options, container_name, endpoint_options, port_option
from .fields import Fields
from .netavark_network import ENGINE, our_network


class Container:
    """The container, and how it wants to be on a network."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Create it from VALUES, the standard input of ``setup`` and ``teardown``."""
        self._problems = Problems()
        self._fields = Fields(values, self._problems)
        self._network = self._fields.object("network")
        self._wishes = self._fields.object("network_options")

    @property
    def name(self) -> str:
        """What it is called."""
        return container_name(self._fields.text("container_name"), self._fields.text("container_id"))

    @property
    def asks_for_dns(self) -> bool:
        """Whether the network resolves names, as Podman knows it."""
        return self._network.flag("dns_enabled")

    def attachment(self) -> Attachment:
        """Return what identifies the attachment.

        :raises InvalidInput: if something is missing or not valid
        """
        attachment = Attachment(
            ENGINE,
            self._fields.required("container_id"),
            self._network.required("name"),
            self._wishes.required("interface_name"),
        )
        self._problems.check()
        return attachment

    def joining(self, namespace: str) -> Joining:
        """Return what a setup in the NAMESPACE at that path asks for.

        :raises InvalidInput: with everything that is not valid
        """
        attachment = self.attachment()
        wishes = self._wishes
        options = endpoint_options(
            attachment,
            address_options(self._problems, wishes.texts("static_ips"), wishes.name("static_ips")),
            wishes.text("static_mac"),
            wishes.texts("aliases"),
        )
        for key in wishes.object("options").values:
            self._problems.add(f"Network '{attachment.network}': cnm has no option '{key}' for containers.")
        ports, name, network = self._ports(), self.name, our_network(self._network)
        self._problems.check()
        return Joining(attachment, namespace, name, network, options, ports)

    def _ports(self) -> List[Dict[str, Any]]:
        ports = []
        for each in self._fields.objects("port_mappings"):
            inner, outer, count = (each.number(key) for key in ("container_port", "host_port", "range"))
            for protocol in (each.text("protocol") or "tcp").split(","):
                ports.append(port_option(inner, outer, max(count, 1), each.text("host_ip"), protocol))
            if not outer:
                self._problems.add(f"{each.name('host_port')} is missing; Podman has to choose it.")
        return ports
