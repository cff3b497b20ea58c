# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service is killed at any step of a request, and the plugin carries the request out itself.

The container is then as if the service had answered, and the next request leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

import front_ends
import pytest
from children import end, start
from journey import Stride
from runs import Runs
from scenarios import network
from steps import CHANGES, Fault, Step, program, under

front_ends.use()

import cnm_client
from cnm_engines.request import Request, carry_out
from cnm_service import core, engines
from cnm_service.connections import Connections
from cnm_service.listeners import Listeners
from cnm_service.turns import Turns

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.host import Kernel

ANSWERED = "answered"
"""A step after the run, before the answer is sent."""
PORTS = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}


class Engine:
    """An engine whose service is killed, and whose plugin goes on alone."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def call(self, command: str, fault: Fault | None = None) -> tuple[str, Any]:
        """Make a CNI request; return the step at which the service was killed, and what the plugin prints.

        The step is empty if it was not killed.
        """
        variables = {"COMMAND": command, "CONTAINERID": "id", "NETNS": "/run/netns/web", "IFNAME": "eth0"}
        environment = {f"CNI_{name}": text for name, text in variables.items()}
        text = json.dumps({"cniVersion": "1.1.0", "name": "n", "type": "cnm", "runtimeConfig": PORTS}).encode()
        answer, begun, step = [], False, ""
        if fault is not None:
            pairs = [f"{name}={value}".encode() for name, value in environment.items()]
            answer, begun, step = self._ask(cnm_client.request(b"cni", text, [], pairs), fault)
        if answer:
            status, output = int(answer[0]), answer[1].decode()
        else:
            request = Request("cni", [], environment, lambda: text, begun)
            status, output, bug = carry_out(request, self._controller, lambda _warning: None)
            assert bug is None
        assert status == 0, output
        return step, json.loads(output) if output else None

    @contextlib.contextmanager
    def _controller(self, check: bool) -> Iterator[Controller]:
        with Kernel(self._runs.programs) as kernel:
            yield Controller(kernel, lambda _warning: None, check)

    def _ask(self, message: bytes, fault: Fault) -> tuple[list[bytes], bool, str]:
        """Return what the service in a child process answers that kills itself at FAULT, and the step."""
        there, here = os.pipe()
        listeners = Listeners(["engines"], {"engines": cnm_client.SOCKET})
        child = start(lambda: self._serve(listeners, fault, here))
        os.close(here)
        answer, begun = cnm_client.ask(message)
        with os.fdopen(there) as said:
            step = said.read()
        if not step:
            os.kill(child, signal.SIGKILL)
        end(child)
        listeners.close()
        return answer, begun, step

    def _serve(self, listeners: Listeners, fault: Fault, here: int) -> None:
        write = os.write

        def strike(step: Step) -> None:
            write(here, str(step).encode())
            os.kill(os.getpid(), signal.SIGKILL)

        def faulty(*arguments: Any) -> Any:
            with under(fault):
                result = carry_out(*arguments)
            if fault.meets(Step(ANSWERED, "the run is done")):
                strike(Step(ANSWERED, "the run is done"))
            os.close(here)
            return result

        fault.act = strike
        core._LISTINGS = core.Listings(program(self._runs.programs, fault))
        engines.carry_out = faulty
        _never, end_ = socket.socketpair()
        served = dict.fromkeys(listeners.sockets, engines.serve)
        Connections(Turns()).accept(served, end_)


@pytest.mark.parametrize("command", ["ADD", "DEL"])
def test_a_plugin_completes_what_a_killed_service_has_begun(runs: Runs, stride: Stride, command: str) -> None:
    runs.run(network("n", "10.1.0.0/24"))
    runs.host.out(["ip", "netns", "add", "web"])
    engine = Engine(runs)
    engine.call("ADD")
    engine.call("DEL")
    states = {"DEL": runs.agreed()}
    _step, result = engine.call("ADD")
    states["ADD"] = runs.agreed()
    opposite = {"ADD": "DEL", "DEL": "ADD"}
    if command == "ADD":
        engine.call("DEL")
    kinds = (*CHANGES, ANSWERED)
    for number in map(stride.step, itertools.count()):
        step, output = engine.call(command, Fault(kinds, number))
        try:
            assert output == (result if command == "ADD" else None)
            runs.see(states[command])
            _step, output = engine.call(opposite[command])
            assert output == (result if command == "DEL" else None)
            runs.see(states[opposite[command]])
        except AssertionError as error:
            raise AssertionError(f"The service was killed at step {number}, {step}:\n{error}") from error
        if not step:
            break
        runs.count += 1
    assert runs.count
