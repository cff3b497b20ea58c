# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kind of resource is a class, a face and a line in the registry: this one goes through all that a run does."""

from __future__ import annotations

import json
import os
from typing import Any, ClassVar, NamedTuple, Type

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm import drivers
from ansible_collections.cnm.linux.plugins.module_utils._cnm.drivers import Driver, Settings
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel import registry
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.face import Face
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import Conflict, KernelRefused
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.value import value
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources import resource
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.resource import Obstacle, Resource

from .pretend import PretendKernel

SHELF = {}
"""The plates on the host, as colours by name."""


class PlateKey(NamedTuple):
    """Identifies a plate."""

    kind: str
    name: str


@value
class Plate(Resource):
    """A plate on the host's shelf."""

    name: str
    colour: str

    kind: ClassVar[str] = "plate"
    key_class: ClassVar[Type[Any]] = PlateKey
    rank: ClassVar[int] = 5

    @property
    def key(self):
        return PlateKey(self.kind, self.name)

    def __str__(self):
        return f"plate '{self.name}'"


class Plates(Face):
    """Puts plates on the shelf."""

    def read(self, host, keys):
        return [
            Obstacle(key, f"Plate '{key.name}' is broken.")
            if SHELF[key.name] == "broken"
            else Plate(key.name, SHELF[key.name])
            for key in keys
            if key.name in SHELF
        ]

    def remove(self, host, resources):
        for plate in resources:
            del SHELF[plate.name]
        return []

    def make(self, host, steps):
        refused = [step.after for step in steps if step.after.colour == "black"]
        SHELF.update((step.after.name, step.after.colour) for step in steps if step.after not in refused)
        return [KernelRefused(f"There is no black {plate}.", plate.key) for plate in refused]


class Table(Driver):
    """A network is a plate."""

    passes_host = False

    def option_problems(self, options):
        return {}

    def normalized(self, options):
        return dict(options)

    def settings(self, options):
        return Settings(interface_prefix="fork")

    def room(self, network):
        return None

    def unpublishable(self, network):
        return ""

    def device(self, network):
        return None

    def network(self, network):
        return [Plate(network.name, network.options.get("colour", "red"))]

    def endpoint(self, network, endpoint, namespace, answers):
        return []

    def shown(self, network):
        return {}


def no_program(command, _stdin):
    raise AssertionError(f"{command} was run")


class Half(PretendKernel):
    """Reads and changes plates as on a host; everything else is simulated."""

    def __init__(self):
        super().__init__()
        self.real = Kernel(no_program)

    def read(self, keys):
        keys = list(keys)
        return {**super().read(keys), **self.real.read(key for key in keys if isinstance(key, PlateKey))}

    def apply(self, steps):
        others = [step for step in steps if step.resource.kind != Plate.kind]
        super().apply(others)
        plates = [step for step in steps if step.resource.kind == Plate.kind]
        self.real.apply(plates)
        for step in plates:
            self.before_step(step)


@pytest.fixture
def table(host, monkeypatch):
    monkeypatch.setitem(registry.FACES, (Plate.kind,), Plates)
    monkeypatch.setitem(resource.KINDS, Plate.kind, Plate)
    monkeypatch.setitem(drivers.LOADERS, "table", Table)
    SHELF.clear()
    host.kernel = Half()
    yield host
    host.kernel.real.close()
    drivers._LOADED.pop("table", None)


def lines(result):
    """Return the host's plates in the output of --diff, before and after."""
    host = result.differences[0]
    shown = [[line for line in host[side].splitlines() if "plate" in line] for side in ("before", "after")]
    return shown if host["before_header"] == "host" else [[], []]


def test_it_is_made_shown_found_again_and_removed(table):
    planned = table.network("play", check=True, driver="table")
    assert (lines(planned), SHELF) == ([[], ["plate 'play': colour red"]], {})
    assert lines(table.network("play", driver="table")) == lines(planned)
    assert SHELF == {"play": "red"}
    assert not table.network("play").changed

    result = table.network("play", state="absent")

    assert lines(result) == [["plate 'play': colour red"], []]
    assert SHELF == {}


def test_what_somebody_has_changed_is_repaired(table):
    table.network("play", driver="table")
    SHELF["play"] = "blue"
    assert lines(table.network("play")) == [["plate 'play': colour blue"], ["plate 'play': colour red"]]
    assert SHELF == {"play": "red"}
    SHELF.clear()
    assert table.controller().restore().changed
    assert SHELF == {"play": "red"}


def test_what_cannot_be_read_or_made_is_refused(table):
    SHELF["play"] = "broken"
    assert table.refused("network", {"name": "play", "driver": "table"}, error=Conflict) == "Plate 'play' is broken."
    SHELF.clear()
    with pytest.raises(KernelRefused, match="There is no black plate 'play'"):
        table.network("play", driver="table", driver_options={"colour": "black"})
    assert (SHELF, table.listed("network").keys() & {"play"}) == ({}, set())


class Killed(BaseException):
    """Ends a run immediately."""


def test_a_killed_run_is_finished_by_the_next(table):
    def kill(step):
        raise Killed

    table.network("other")
    table.kernel.before_step = kill
    with pytest.raises(Killed):
        table.network("play", driver="table")
    with open(os.path.join(table.folder, "intent.json"), encoding="utf-8") as intent:
        assert ["plate", "play"] in json.load(intent)["keys"]
    assert SHELF == {"play": "red"}

    table.kernel.before_step = lambda step: None
    table.network("other")

    assert SHELF == {}
    assert not os.path.exists(os.path.join(table.folder, "intent.json"))


def test_a_kind_whose_file_is_loaded_late_is_known_by_its_key(monkeypatch):
    monkeypatch.delitem(resource.KINDS, "plate", raising=False)

    def load():
        resource.KINDS["plate"] = Plate
        return Plates()

    monkeypatch.setitem(registry.FACES, ("plate",), load)
    assert registry.named(("plate", "play")) == PlateKey("plate", "play")
    for parts in (("fork", "play"), ("plate", "play", "more"), ("plate", "pl\0ay"), ("plate",), ()):
        with pytest.raises(ValueError):
            registry.named(parts)
