# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the controller for engines."""

from __future__ import annotations

from typing import Any, Callable, Collection, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from _cnm.controller import Choose, Groups, Result
from _cnm.drivers import driver
from _cnm.engines import Core
from _cnm.model.errors import Incomplete, InvalidInput
from _cnm.model.network import Network
from _cnm.store.objects import SqliteStore
from _cnm.verbs.context import Host
from cnm_command import differences

from . import container
from .attachment import Attachment, Joining
from .errors import NOT_AS_EXPECTED, NOT_AVAILABLE, UNKNOWN_CONTAINER, EngineError

Warn = Callable[[str], None]
"""Is called with each warning for the user."""
_INTERFACES = "/sys/class/net"
_TRIAL = "cnm-status"
"""A sandbox that exists only in check mode."""


class Expected(NamedTuple):
    """What an engine knows of an attachment."""

    mac: str
    """Empty if it does not know it."""
    addresses: Sequence[str]
    """With prefix lengths."""


class Attached:
    """An attachment that exists, with the network that it is on."""

    def __init__(self, network: Network, sandbox: Mapping[str, Any], interface: str) -> None:
        """Create it from our NETWORK, the SANDBOX in Docker's shape, and the name of the INTERFACE."""
        self.network = network
        self.interface = interface
        self._sandbox = sandbox
        self._shown: Mapping[str, Any] = sandbox["Networks"][network.name]
        self.mac: str = self._shown["MacAddress"] or _address_of(driver(network.driver).device(network) or "")
        self.mtu = network.mtu

    def addresses(self) -> Dict[int, str]:
        """Return by family its addresses, with prefix lengths."""
        keys = {4: ("IPAddress", "IPPrefixLen"), 6: ("GlobalIPv6Address", "GlobalIPv6PrefixLen")}
        return {
            version: f"{self._shown[address]}/{self._shown[length]}"
            for version, (address, length) in keys.items()
            if self._shown[address]
        }

    def gateway(self, version: int) -> str:
        """Return the gateway of family VERSION; empty if the network has no way out."""
        shown: str = self._shown["Gateway" if version == 4 else "IPv6Gateway"]
        return "" if self.network.internal else shown

    def has_default_route(self, version: int) -> bool:
        """Say whether the default route of family VERSION is through it."""
        return bool(self._shown[f"DefaultRoute{version}"])

    def name_servers(self) -> List[str]:
        """Return the servers that the container is to query; empty for those of the host."""
        gateways = [str(gateway) for _pool, gateway in self.network.gateways() if gateway.version in self.addresses()]
        if self.network.has_dns and gateways:
            return gateways
        return list(self._sandbox["Dns"] or self.network.dns_servers)

    def search_domains(self) -> List[str]:
        """Return the search domains that were asked for."""
        return list(self._sandbox["DnsSearch"] or [])

    def dns_options(self) -> List[str]:
        """Return the options of the resolver that were asked for."""
        return list(self._sandbox["DnsOptions"] or [])


def join(core: Core, wish: Joining, warn: Warn) -> Attached:
    """Put a container on a network.

    :raises EngineError: if it is there already, or cannot be adopted
    :raises CnmError: if the options are not valid, or the host refuses a change
    """
    networks: List[Network] = []

    def choose(store: SqliteStore, host: Host) -> Groups:
        groups = container.join(store, host, wish, warn)
        networks.extend(filter(None, [container.network_of(store, wish.network)]))
        return groups

    mine = (wish.attachment.engine, wish.attachment.container)
    shown = last_object(core, choose, warn, "sandbox", lambda item: container.belongs(item, *mine))
    return Attached(networks[0], shown, wish.attachment.interface)


def leave(core: Core, attachment: Attachment, name: str, warn: Warn) -> None:
    """Take a container, probably called NAME, off a network; do nothing if it is not there.

    :raises CnmError: if the host refuses a change
    """
    carry_out(core, lambda store, host: container.leave(store, host, attachment, name), warn)


def collect(core: Core, engine: str, network: str, valid: Collection[Tuple[str, str]], warn: Warn) -> None:
    """Remove the attachments to the engine's NETWORK that are not VALID, pairs of container id and interface.

    :raises CnmError: if the host refuses a change
    """
    carry_out(core, lambda store, host: container.collect(store, host, engine, network, valid), warn)


def carry_out(core: Core, choose: Choose, warn: Warn) -> None:
    """Do what CHOOSE returns under the lock.

    :raises CnmError: if it is not valid, or if the host refuses a change
    """
    with core(False) as controller:
        try:
            controller.ensure_chosen(choose)
        except Incomplete as error:
            # What was asked for was done; only other objects were not repaired.
            warn(str(error))


def last_object(core: Core, choose: Choose, warn: Warn, kind: str, is_it: Callable[[Any], bool]) -> Mapping[str, Any]:
    """Do what CHOOSE returns under the lock; return the object of its last item, in Docker's shape.

    :param kind: the kind of the object
    :param is_it: says whether an object of the kind is the one to return
    :raises CnmError: if it is not valid, or if the host refuses a change
    """
    with core(False) as controller:
        try:
            return controller.ensure_chosen(choose).objects[-1]
        except Incomplete as error:
            warn(str(error))
            (shown,) = controller.describe(kind, lambda _store, each: is_it(each))
            return shown


def check(core: Core, attachment: Attachment, name: str, expected: Expected) -> None:
    """Check that an attachment is as it was made.

    :param name: what the container is probably called
    :raises EngineError: if something is missing or has changed; the text says what
    """
    networks: List[str] = []

    def choose(store: SqliteStore, _host: Host) -> Groups:
        sandbox = container.find(store, attachment.engine, attachment.container, name)
        known = dict(container.interfaces(sandbox)) if sandbox is not None else {}
        if sandbox is None or known.get(attachment.interface) != attachment.network:
            raise EngineError(
                UNKNOWN_CONTAINER,
                f"Container '{attachment.container}' has no interface '{attachment.interface}' on network "
                f"'{attachment.network}'.",
            )
        on = (one.network for one in store.endpoints_of_sandbox(sandbox.id) if one.interface == attachment.interface)
        networks.extend(network.name for network in map(store.network, on) if network is not None)
        return [("sandbox", [{"name": sandbox.name}])]

    with core(True) as controller:
        result = controller.ensure_chosen(choose)
    missing = _missing(result)
    complaints = [f"missing or changed: {', '.join(missing)}"] if missing else []
    if not networks:
        complaints.append(f"interface '{attachment.interface}' is no longer in the store")
    else:
        complaints += _differences(result.objects[-1]["Networks"][networks[0]], expected)
    if complaints:
        raise EngineError(NOT_AS_EXPECTED, f"Container '{attachment.container}': {'; '.join(complaints)}.")


def _missing(result: Result) -> List[str]:
    """Return what a run with RESULT would make or change on the host, as it is to be."""
    lines = []
    for difference in result.differences:
        if not isinstance(difference["after"], str) or difference["before"] == difference["after"]:
            continue
        before, after = differences.lines(difference)
        if difference["after_header"] != "host":
            lines.append(f"lines of {difference['after_header']}")
        else:
            lines += [line for line in after if line not in before] or [f"without {line}" for line in before]
    return lines


def _address_of(device: str) -> str:
    """Return the MAC address of the host's interface DEVICE, which its ipvlans have, too; empty if there is none."""
    try:
        with open(f"{_INTERFACES}/{device}/address", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _differences(shown: Mapping[str, Any], expected: Expected) -> List[str]:
    """Return how an attachment, as SHOWN by inspect, differs from what the engine EXPECTED."""
    present = (
        f"{shown['IPAddress']}/{shown['IPPrefixLen']}",
        f"{shown['GlobalIPv6Address']}/{shown['GlobalIPv6PrefixLen']}",
    )
    texts = [f"it no longer has the address {each}" for each in expected.addresses if each not in present]
    if shown["MacAddress"] and expected.mac not in ("", shown["MacAddress"]):
        texts.append(f"its MAC address is {shown['MacAddress']}, not {expected.mac}")
    return texts


def check_available(core: Core, reference: str) -> None:
    """Check that a container could join our network REFERENCE now, by a trial in check mode.

    :raises EngineError: if it could not
    """

    def choose(store: SqliteStore, _host: Host) -> Groups:
        if store.find_network(reference) is None:
            raise EngineError(NOT_AVAILABLE, f"There is no network '{reference}'. Create it first.")
        return [("sandbox", [{"name": _TRIAL, "networks": [{"name": reference}]}])]

    try:
        with core(True) as controller:
            controller.ensure_chosen(choose)
    except (InvalidInput, ValueError) as error:
        raise EngineError(NOT_AVAILABLE, str(error)) from error
