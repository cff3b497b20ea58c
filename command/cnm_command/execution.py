# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``sandbox exec``: a program with the network and the names of a sandbox."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from typing import List

from _cnm.errors import KernelRefused
from _cnm.kernel.programs import find as find_program
from _cnm.sandbox import CONFIGURATION

from .access import controller
from .errors import Failure
from .inspection import find

_BINDINGS = 'while [ "$1" != -- ]; do "$0" --bind "$1" "$2" || exit 125; shift 2; done; shift; exec "$@"'
"""For sh, with mount as its name: binds pairs of files until ``--``, then becomes the command that follows."""


def execute(options: Namespace) -> int:
    """Become the command that OPTIONS name, in the sandbox; /sys stays the host's, as daemons need it.

    :raises Failure: if the sandbox is none that a program could be in, or there is no such program
    """
    with controller(check=True) as core:
        (sandbox,) = find("sandbox", core.describe("sandbox", lambda _store, _item: True), options.name)
        name, namespace = sandbox["Name"], sandbox["SandboxKey"]
        if sandbox["State"] != "running":
            raise Failure(f"sandbox {name} is stopped. Start it, with state: present.")
        argv = [_program("unshare"), "--mount", "--propagation", "slave", "--"]
        argv += ["/bin/sh", "-c", _BINDINGS, _program("mount"), *_files(name), "--", _program("env"), "--"]
        try:
            lost = core.enter(sandbox["Id"]) if namespace else ""
        except KernelRefused as error:
            raise Failure(f"sandbox {name} has lost its network namespace '{namespace}'. Run: cnm restore") from error
    if lost:
        raise Failure(f"sandbox {name}: {lost}. Bring it back, or let it adopt another one.")
    sys.stdout.flush()
    try:
        os.execv(argv[0], argv + options.command)
    except OSError as error:
        raise Failure(f"{argv[0]} of util-linux cannot be run: {error.strerror}") from error


def _program(name: str) -> str:
    found = find_program(name)
    if found is None:
        raise Failure(f"the program '{name}' is not installed.")
    return found


def _files(name: str) -> List[str]:
    """Return which file of the sandbox NAME is to be seen at which place, as ``ip netns exec`` has it."""
    folder = f"{CONFIGURATION}/{name}"
    found: List[str] = []
    for entry in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if os.path.exists(f"/etc/{entry}"):
            found += [f"{folder}/{entry}", f"/etc/{entry}"]
    return found
