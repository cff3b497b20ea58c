# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network configuration of a CNI request, which is on standard input (specification, sections 1 and 3)."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, Tuple

from _cnm.model.errors import Problems
from _cnm.model.suggestions import did_you_mean

from .attachment import Attachment, Joining, address_options, container_name, endpoint_options, port_option
from .cni_parameters import Parameters
from .errors import INCOMPATIBLE_VERSION, UNSUPPORTED_FIELD, EngineError
from .fields import Fields
from .runs import Expected

ENGINE = "cni"
VERSIONS = ("0.4.0", "1.0.0", "1.1.0")
_SINCE_1_1 = ("GC", "STATUS")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_VALID = "cni.dev/valid-attachments"
_FIELDS = (
    "args",
    "capabilities",
    "cniVersion",
    "cniVersions",
    "disableCheck",
    "disableGC",
    "dns",
    "ipam",
    "name",
    "network",
    "prevResult",
    "runtimeConfig",
    "type",
)
_CAPABILITIES = ("aliases", "dns", "ips", "mac", "portMappings")


def version_of(values: Mapping[str, Any]) -> str:
    """Return the version of the specification to answer with: that of the configuration VALUES if we know it."""
    version = values.get("cniVersion")
    return version if version in VERSIONS else VERSIONS[-1]


class Configuration:
    """A network configuration whose version and name are valid."""

    def __init__(self, values: Mapping[str, Any], command: str) -> None:
        """Create it from VALUES for a request with COMMAND.

        :raises EngineError: if the version is not supported
        :raises InvalidInput: if the name is not valid
        """
        self._problems = Problems()
        self._fields = Fields(values, self._problems)
        self.version = version_of(values)
        given = values.get("cniVersion", "0.1.0")
        if given not in VERSIONS:
            raise EngineError(
                INCOMPATIBLE_VERSION, f"cniVersion {given} is not supported; supported are {', '.join(VERSIONS)}."
            )
        if command in _SINCE_1_1 and given != "1.1.0":
            raise EngineError(INCOMPATIBLE_VERSION, f"cniVersion {given} has no {command}; it came with 1.1.0.")
        self.name = self._fields.required("name")
        if self.name and not _NAME.fullmatch(self.name):
            self._problems.add(f"'{self.name}' is not a valid network name.")
        self._problems.check()

    @property
    def network(self) -> str:
        """Name or id of our network."""
        return self._fields.text("network") or self.name

    def attachment(self, parameters: Parameters) -> Attachment:
        """Return the attachment that PARAMETERS identify."""
        return Attachment(ENGINE, parameters.container, self.name, parameters.interface)

    def joining(self, parameters: Parameters) -> Joining:
        """Return what an ADD with PARAMETERS asks for.

        :raises EngineError: with the fields that would have no effect
        :raises InvalidInput: with everything that is not valid
        """
        self.check_fields()
        if self._fields.object("prevResult").values:
            self._problems.add("A configuration of type cnm makes an interface, so it comes first in 'plugins'.")
        runtime, arguments = self._fields.object("runtimeConfig"), parameters.arguments
        wanted = runtime.texts("ips") + self._fields.object("args").object("cni").texts("ips")
        wanted += [arguments["IP"]] if arguments.get("IP") else []
        options = endpoint_options(
            self.attachment(parameters),
            address_options(self._problems, list(dict.fromkeys(wanted)), "ips"),
            runtime.text("mac") or arguments.get("MAC", ""),
            runtime.object("aliases").texts(self.name),
        )
        wish = Joining(
            self.attachment(parameters),
            parameters.namespace,
            self.container_name(parameters),
            self.network,
            options,
            self._ports(runtime),
            self._names(runtime),
        )
        self._problems.check()
        return wish

    @staticmethod
    def container_name(parameters: Parameters) -> str:
        """Return what the container of PARAMETERS is called."""
        return container_name(parameters.arguments.get("K8S_POD_NAME", ""), parameters.container)

    def check_fields(self) -> None:
        """Refuse fields that would have no effect.

        :raises EngineError: if there are any, with their values
        :raises InvalidInput: if their values have the wrong type
        """
        unknown = [key for key in self._fields.values if key not in _FIELDS and not key.startswith("cni.dev/")]
        if self._fields.values.get("ipam"):
            unknown.append("ipam")
        runtime = self._fields.object("runtimeConfig")
        self._problems.check()
        sentences = [self._unsupported(self._fields, key, _FIELDS) for key in unknown]
        sentences += [
            self._unsupported(runtime, key, _CAPABILITIES) for key in runtime.values if key not in _CAPABILITIES
        ]
        if sentences:
            raise EngineError(UNSUPPORTED_FIELD, " ".join(sentences))

    @staticmethod
    def _unsupported(fields: Fields, key: str, known: Tuple[str, ...]) -> str:
        hint = ": the network chooses the addresses." if key == "ipam" else did_you_mean(key, known) or "."
        return f"{fields.name(key)} with the value {json.dumps(fields.values[key])[:200]} is not supported{hint}"

    def expected(self, parameters: Parameters) -> Expected:
        """Return what the result of the ADD, ``prevResult``, says of the attachment of PARAMETERS.

        :raises InvalidInput: if there is no such result
        """
        result = self._fields.object("prevResult")
        interfaces = result.objects("interfaces")
        places = [
            place
            for place, each in enumerate(interfaces)
            if each.text("name") == parameters.interface and each.text("sandbox")
        ]
        if not places:
            self._problems.add(f"'prevResult' has no interface '{parameters.interface}' of a container.")
        self._problems.check()
        ips = [each for each in result.objects("ips") if each.values.get("interface") in places]
        expected = Expected(interfaces[places[0]].text("mac"), [each.required("address") for each in ips])
        self._problems.check()
        return expected

    def valid_attachments(self) -> List[Tuple[str, str]]:
        """Return the attachments that a GC is to keep: container ids with interfaces.

        :raises InvalidInput: if they are missing or not valid
        """
        if _VALID not in self._fields.values:
            self._problems.add(f"'{_VALID}' is missing. It lists the attachments that are in use.")
        pairs = [(each.required("containerID"), each.required("ifname")) for each in self._fields.objects(_VALID)]
        self._problems.check()
        return pairs

    def _ports(self, runtime: Fields) -> List[Dict[str, Any]]:
        ports = []
        for each in runtime.objects("portMappings"):
            inner, outer = each.number("containerPort"), each.number("hostPort")
            ports.append(port_option(inner, outer, 1, each.text("hostIP"), each.text("protocol").lower()))
            if not outer:
                self._problems.add(f"{each.name('hostPort')} is missing; the engine has to choose it.")
        return ports

    def _names(self, runtime: Fields) -> Dict[str, Any]:
        """Return the options of the sandbox that say how names are resolved; those of the engine take precedence."""
        own, asked = self._fields.object("dns"), runtime.object("dns")
        domain = own.text("domain")
        options = {
            "dns_servers": asked.texts("servers") or own.texts("nameservers"),
            "dns_search_domains": asked.texts("searches") or own.texts("search") or ([domain] if domain else []),
            "dns_opts": asked.texts("options") or own.texts("options"),
        }
        return {option: values for option, values in options.items() if values}
