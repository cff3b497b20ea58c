# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``sandbox exec``: a program with the network and the names of a sandbox."""

from __future__ import annotations

import os
import signal
import sys
from argparse import Namespace
from typing import List, Tuple

from _cnm.model.errors import KernelRefused
from _cnm.model.sandbox import CONFIGURATION

from .access import controller
from .errors import Failure
from .inspection import find

OWN, NOT_EXECUTABLE, NOT_FOUND = 125, 126, 127
"""Exit statuses of failures that are not the program's, as in Docker."""


def execute(options: Namespace) -> int:
    """Replace this process with the program in OPTIONS, in the sandbox. /sys stays the host's, because daemons need it.

    :raises Failure: if the sandbox cannot be entered, or if the program cannot be run
    """
    with controller(check=True) as core:
        (sandbox,) = find("sandbox", core.describe("sandbox", lambda _store, _item: True), options.name)
        name, namespace = sandbox["Name"], sandbox["SandboxKey"]
        if sandbox["State"] == "stopped":
            raise Failure(f"sandbox {name} is stopped. Start it, with state: present.", OWN)
        try:
            lost = core.enter(sandbox["Id"], files(name)) if namespace else core.bind(files(name))
        except KernelRefused as error:
            if sandbox["State"] != "lost":
                raise
            text = f"sandbox {name} has lost its network namespace '{namespace}'. Run: cnm restore"
            raise Failure(text, OWN) from error
    if lost:
        raise Failure(f"sandbox {name}: {lost}. Bring it back, or let it adopt another one.", OWN)
    sys.stdout.flush()
    # Python ignores this signal, and the program would inherit this.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    program = options.command[0]
    try:
        os.execvp(program, options.command)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Failure(f"the program '{program}' was not found.", NOT_FOUND) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Failure(f"the program '{program}' cannot be run: {reason}.", NOT_EXECUTABLE) from error


def files(name: str) -> List[Tuple[str, str]]:
    """Return the files of the sandbox NAME with the paths to mount them over, as ``ip netns exec`` does."""
    folder = f"{CONFIGURATION}/{name}"
    entries = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [(f"{folder}/{entry}", f"/etc/{entry}") for entry in entries if os.path.exists(f"/etc/{entry}")]
