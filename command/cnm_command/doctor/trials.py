# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trials inside sandboxes: the way that the kernel sends a packet, whether somebody answers, who is known by a name."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from typing import Any, Callable, Dict, List, Tuple

from _cnm.controller import Controller
from _cnm.kernel.system import listeners
from _cnm.model.errors import CnmError

from ..access import run_program
from ..execution import files
from .ends import End

_SECONDS = "2"
"""How long to wait for an answer."""


def inside(core: Controller, end: End, look: Callable[[], Any]) -> Any:
    """Return what LOOK returns in the sandbox END, with its names. It runs in another process, and returns JSON.

    What is not a sandbox, or is on the network of the host, is asked from the host itself.
    """
    if end.sandbox is None or not end.namespace:
        return look()
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            core.enter(end.sandbox["Id"], files(end.name))
            os.write(send, json.dumps(look()).encode())
            status = 0
        except CnmError as error:
            print(f"cnm: {error}", file=sys.stderr)
        finally:
            os._exit(status)
    os.close(send)
    with os.fdopen(receive, "rb") as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else None


def route(address: str) -> Dict[str, Any]:
    """Return the route that the kernel takes to ADDRESS, as ip shows it; ``error`` has the reason if it has none."""
    status, output, errors = run_program(["ip", "-json", "route", "get", address], None)
    if status != 0:
        return {"error": errors.strip() or "there is none"}
    routes = json.loads(output or "[]")
    return dict(routes[0]) if routes else {"error": "there is none"}


def flags(device: str) -> List[str]:
    """Return the kernel's flags of the interface DEVICE, such as ``UP`` and ``NO-CARRIER``; none if it is not there."""
    status, output, _errors = run_program(["ip", "-json", "link", "show", "dev", device], None)
    links = json.loads(output or "[]") if status == 0 else []
    return list(links[0]["flags"]) if links else []


def answers(address: str) -> bool:
    """Return whether ADDRESS answers an echo request, which is also assumed if there is no program ping."""
    if shutil.which("ping") is None:
        return True
    return run_program(["ping", "-n", "-c", "1", "-W", _SECONDS, address], None)[0] == 0


def connects(address: str, port: int) -> str:
    """Return why PORT of ADDRESS cannot be connected to, by TCP; empty if it can."""
    try:
        socket.create_connection((address, port), float(_SECONDS)).close()
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        return str(error)
    return ""


def listening(port: int) -> List[str]:
    """Return the addresses on which somebody listens on PORT, by TCP."""
    return [str(each.address) for each in listeners.listening(("tcp",)) if each.port == port]


def known_as(name: str) -> List[str]:
    """Return the addresses that NAME stands for."""
    try:
        answers: List[Tuple[Any, ...]] = list(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
    except OSError:
        return []
    return [str(each[4][0]) for each in answers]


def has_rules() -> bool:
    """Return whether there are rules of nft."""
    status, output, _errors = run_program(["nft", "list", "ruleset"], None)
    return status == 0 and "chain" in output
