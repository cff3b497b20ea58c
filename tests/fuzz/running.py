# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules run in this process, as Ansible runs them on a host."""

from __future__ import annotations

import importlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from typing import Any
from unittest import mock

from ansible.module_utils.testing import patch_module_args
from pretend import PretendKernel

from ansible_collections.cnm.linux.plugins.module_utils._cnm import task
from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.network import PREDEFINED

MODULES = "ansible_collections.cnm.linux.plugins.modules"
PLURALS = {"cnm_network": "networks", "cnm_endpoint": "endpoints", "cnm_sandbox": "sandboxes"}
NAMES = (*PLURALS, *(f"{name}_info" for name in PLURALS))
LAN = {"name": "lan", "ipam_config": [{"subnet": "10.9.0.0/24"}, {"subnet": "fd00:9::/64"}]}
BOX = {"name": "box", "networks": [{"name": "lan"}], "published_ports": ["9090:90"]}
LONGEST = 100000
"""The maximum length of a message. A name of 5000 characters may be in it more than once."""


def arguments(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = importlib.import_module(f"{MODULES}.{name}").ARGUMENTS
    return spec


def run(name: str, asked: Mapping[str, Any], check: bool = False) -> dict[str, Any]:
    """Run the module NAME; return its answer. Any exception other than an exit would be a traceback for users."""
    output = io.StringIO()
    with patch_module_args({**asked, "_ansible_check_mode": check}), redirect_stdout(output):
        try:
            importlib.import_module(f"{MODULES}.{name}").main()
        except SystemExit:
            pass
        else:
            raise AssertionError("the module did not answer")
    answer: dict[str, Any] = json.loads(output.getvalue())
    if answer.get("failed"):
        assert answer["msg"].strip(), answer
        assert len(answer["msg"]) < LONGEST
        assert "Traceback" not in answer["msg"]
    return answer


def accepted(name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    answer = run(name, asked)
    assert not answer.get("failed"), answer
    return answer


def furnish() -> None:
    """Create a network ``lan`` and a sandbox ``box`` on it."""
    accepted("cnm_network", LAN)
    accepted("cnm_sandbox", BOX)


def _no_program(argv: Sequence[str], _text: str | None) -> tuple[int, str, str]:
    raise AssertionError(f"to look at objects takes no program: {argv}")


def objects() -> dict[str, list[dict[str, Any]]]:
    """Return what the info modules show, by the module that creates these objects."""
    with task.Kernel(_no_program) as kernel:
        controller = task.Controller(kernel, lambda _text: None, True)
        return {name: controller.describe(name[4:], lambda _store, _found: True) for name in PLURALS}


def tidy() -> None:
    """Remove every object as a user would."""
    for name in ("cnm_endpoint", "cnm_sandbox", "cnm_network"):
        gone = [
            {"name": each["Name"], "state": "absent", **({"network": each["Network"]} if "Network" in each else {})}
            for each in objects()[name]
            if not (name == "cnm_network" and each["Name"] in PREDEFINED)
        ]
        if gone:
            accepted(name, {PLURALS[name]: gone})


def converges(name: str, asked: Mapping[str, Any]) -> None:
    """Check that the accepted options were applied: a second run has nothing to do."""
    if "restarted" not in repr(asked):
        again = run(name, asked)
        assert (again.get("failed", False), again["changed"]) == (False, False), again


class Pretended:
    """A simulated host, so that thousands of runs are cheap. Each run begins with the same objects."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self._kernel = PretendKernel()
        self._kernel.facts.namespaces["/run/netns/old"] = "2"
        with self.entered():
            furnish()
            tidy()
            self.empty = self.holds()
            furnish()
        self._furnished = {**self._kernel.present}
        shutil.copytree(f"{self._folder}/cnm", f"{self._folder}/furnished")

    def end(self) -> None:
        shutil.rmtree(self._folder)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Run modules on this host during the block."""
        controller = partial(Controller, folder=f"{self._folder}/cnm")
        with (
            mock.patch.object(task, "Kernel", lambda _run: self._kernel),
            mock.patch.object(task, "Controller", controller),
            mock.patch.object(os, "geteuid", lambda: os.stat(self._folder).st_uid),
        ):
            yield

    def begin(self) -> None:
        """Reset the host to its first state."""
        shutil.rmtree(f"{self._folder}/cnm")
        shutil.copytree(f"{self._folder}/furnished", f"{self._folder}/cnm")
        self._kernel.present = {**self._furnished}

    def untouched(self) -> bool:
        return self._kernel.present == self._furnished

    def holds(self) -> dict[Any, Any]:
        """Return what the host holds, without kernel settings, which always have a value."""
        return {key: each for key, each in self._kernel.present.items() if key.kind != "sysctl"}
