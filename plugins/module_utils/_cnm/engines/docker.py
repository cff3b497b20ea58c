# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's networks that are ours: those that are wanted minus those that are present.

Docker asks the service about each of them, and the service needs the lock. So no run of ours may be at work meanwhile.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Mapping, NamedTuple

from ..controller import Groups, Result
from ..model.errors import CnmError, InvalidInput, Problems
from ..resources.diff_output import of_objects
from . import OPTION, SHORT_ID, Core, Known
from .engine_api import ERRORS, EngineApi

PLUGIN = "/run/docker/plugins/cnm.sock"
"""Where the service listens for Docker."""
_SOCKET = "/run/docker.sock"
_SCHEME = "unix://"
_DRIVER = "cnm"


class DockerNetwork(NamedTuple):
    """A network of Docker."""

    name: str
    driver: str
    subnets: FrozenSet[str]
    internal: bool
    id: str = ""
    """Empty if Docker does not have it yet."""

    def shown(self) -> Dict[str, Any]:
        """Return what differences show of it."""
        return {
            "Name": self.name,
            "Driver": self.driver,
            "Subnets": sorted(self.subnets),
            "Internal": self.internal,
        }

    def description(self) -> Dict[str, Any]:
        """Return what Docker needs to create it."""
        options = {OPTION: self.name}
        return {
            "Name": self.name,
            "CheckDuplicate": True,
            "Driver": self.driver,
            "Internal": self.internal,
            "EnableIPv6": any(":" in subnet for subnet in self.subnets),
            "IPAM": {
                "Driver": self.driver,
                "Config": [{"Subnet": subnet} for subnet in sorted(self.subnets)],
                "Options": options,
            },
            "Options": options,
        }


class Removal(NamedTuple):
    """A network that Docker is to forget."""

    network: DockerNetwork
    containers: Mapping[str, str]
    """The names of those that are on it, by id."""


def ensure_all(core: Core, groups: Groups, known: Known, check: bool, warn: Callable[[str], None]) -> Result:
    """Carry out the items of GROUPS, and let Docker know the networks that it is to know, see the package.

    :param known: what Docker knows of us
    """
    problems, result = Problems(), Result()
    try:
        with core(True) as controller:
            result = controller.ensure_all(groups)
    except InvalidInput as error:
        for problem in error.problems:
            problems.add(problem)
    plan = Plan(EngineApi(_path()), known, problems, warn)
    items = [(kind, item) for kind, items in groups for item in items]
    for (kind, item), shown in zip(items, result.objects):
        if kind == "network":
            plan.add(item, shown)
    problems.check()
    if not check:
        plan.remove()
        # A controller of its own: the service has changed what the first one knows.
        with core(False) as controller:
            result = controller.ensure_all(groups)
        plan.create()
    result.changed = result.changed or plan.changes
    result.differences += plan.differences()
    return result


def _path() -> str:
    """Return the path of Docker's socket, which the environment may set as it does for Docker's own client."""
    host = os.environ.get("DOCKER_HOST", "")
    return host[len(_SCHEME) :] if host.startswith(_SCHEME) else _SOCKET


class Plan:
    """What Docker is to forget, and what it is to learn."""

    def __init__(self, api: EngineApi, known: Known, problems: Problems, warn: Callable[[str], None]) -> None:
        """Create an empty plan for the Docker behind API.

        :param known: what Docker knows of us
        :param problems: gets the reasons why Docker cannot know a network
        """
        self._api = api
        self._known = known
        self._problems = problems
        self._warn = warn
        self._removals: List[Removal] = []
        self._creations: List[DockerNetwork] = []
        self._present: List[DockerNetwork] = []
        self._silence = ""
        """Why Docker does not answer; empty if it does."""
        try:
            self._present = [_docker_network(each) for each in api.get("/networks")]
        except ERRORS as error:
            self._silence = f"Docker does not answer at {api.path}: {_why(error)}."

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return bool(self._removals or self._creations)

    def add(self, item: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        """Add what Docker is to do for the network of ITEM, which is SHOWN as it is after the run."""
        name, subject = item["name"], f"Network '{item['name']}'"
        wanted = _wanted(shown) if shown and "docker" in shown["Host"]["Engines"] else None
        ours = [each for each in self._present if self._known.get(each.id[:SHORT_ID]) == name]
        if wanted is None:
            if item.get("state") != "absent" and item.get("engines") is None:
                return
            if self._silence and name in self._known.values():
                self._warn(f"{subject}: {self._silence} So it keeps its network. Remove it with 'docker network rm'.")
            for each in ours:
                self._forget(each, item, subject)
            return
        same = next((each for each in self._present if each.name == name), None)
        if self._silence:
            self._problems.add(f"{subject}: {self._silence} Start it, or set engines: [].")
        elif same is not None and same.driver != _DRIVER:
            self._problems.add(
                f"{subject}: Docker has a network '{name}' of its own, with driver '{same.driver}'. Remove one of the "
                "two, or give it another name."
            )
        elif same is not None and same not in ours and same.id[:SHORT_ID] in self._known:
            other = self._known[same.id[:SHORT_ID]]
            self._problems.add(f"{subject}: Docker's network '{name}' is our network '{other}'. Remove it from Docker.")
        elif same is None or same not in ours or same._replace(id="") != wanted:
            if not os.path.exists(PLUGIN):
                self._problems.add(
                    f"{subject}: Docker cannot find the driver cnm, because nothing listens at {PLUGIN}. Role "
                    "cnm.linux.host sets it up with cnm_host_engines: [docker]."
                )
            if same is not None:
                self._forget(same, item, subject)
            self._creations.append(wanted)

    def _forget(self, network: DockerNetwork, item: Mapping[str, Any], subject: str) -> None:
        try:
            inside = self._api.get(f"/networks/{network.id}")["Containers"]
            containers = {identifier: str(each["Name"]) for identifier, each in inside.items()}
        except (*ERRORS, KeyError, AttributeError, TypeError) as error:
            self._problems.add(f"{subject}: Docker does not show what is on its network '{network.name}': {error}.")
            return
        if containers and not item.get("force"):
            names = ", ".join(f"'{each}'" for each in sorted(containers.values()))
            self._problems.add(
                f"{subject}: Docker's network '{network.name}' has containers: {names}. Remove or disconnect them "
                "first, or use force: true."
            )
        self._removals.append(Removal(network, containers))

    def remove(self) -> None:
        """Let Docker forget networks, after disconnecting their containers.

        :raises CnmError: if it refuses to
        """
        for network, containers in self._removals:
            with _refusal(f"remove its network '{network.name}'"):
                for each in containers:
                    self._api.post(f"/networks/{network.id}/disconnect", {"Container": each, "Force": True})
                self._api.delete(f"/networks/{network.id}")

    def create(self) -> None:
        """Let Docker learn networks, which exist.

        :raises CnmError: if it refuses to
        """
        for network in self._creations:
            with _refusal(f"create its network '{network.name}', while ours exists"):
                self._api.post("/networks/create", network.description())

    def differences(self) -> List[Dict[str, Any]]:
        """Return what changes, in the form that ``--diff`` prints."""
        before = {each.network.name: each.network.shown() for each in self._removals}
        after = {each.name: each.shown() for each in self._creations}
        return [
            of_objects("Docker network", name, before.get(name, {}), after.get(name, {}))
            for name in sorted({**before, **after})
        ]


@contextmanager
def _refusal(what: str) -> Iterator[None]:
    try:
        yield
    except ERRORS as error:
        raise CnmError(f"Docker did not {what}: {_why(error)}.") from error


def _why(error: Exception) -> str:
    """Return the reason in ERROR, without the number of a system's error."""
    return str(getattr(error, "strerror", None) or error)


def _wanted(shown: Mapping[str, Any]) -> DockerNetwork:
    """Return Docker's network for ours, which is SHOWN in Docker's shape."""
    subnets = frozenset(pool["Subnet"] for pool in shown["IPAM"]["Config"])
    return DockerNetwork(shown["Name"], _DRIVER, subnets, shown["Internal"])


def _docker_network(listed: Mapping[str, Any]) -> DockerNetwork:
    """Return the network that Docker has LISTED.

    :raises ValueError: if it does not have the expected form
    """
    try:
        subnets = frozenset(str(pool["Subnet"]) for pool in listed["IPAM"]["Config"] or ())
        return DockerNetwork(listed["Name"], listed["Driver"], subnets, bool(listed["Internal"]), listed["Id"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"its list of networks is not as expected: {error!r}") from error
