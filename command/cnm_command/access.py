# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access from the command to the core."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import Iterator, List, Optional, Tuple

from _cnm.controller import PATIENCE, Controller
from _cnm.kernel.host import Kernel
from _cnm.kernel.rtnl.message_classes import missing

from .errors import Failure
from .progress import Messages


def run_program(argv: List[str], stdin: Optional[str]) -> Tuple[int, str, str]:
    """Run ARGV with STDIN as its input, its messages in English; return its exit status and both outputs."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
            env=environment,
        )
    except OSError as error:
        return 127, "", f"{argv[0]}: {error.strerror}"
    return done.returncode, done.stdout, done.stderr


def warning_line(text: str) -> str:
    """Return how the warning TEXT is shown to the user."""
    return f"cnm: warning: {text}"


def warn(text: str) -> None:
    """Print the warning TEXT for the user."""
    print(warning_line(text), file=sys.stderr)


def require_root() -> None:
    """Fail without root.

    :raises Failure: without root
    """
    if os.geteuid() != 0:
        raise Failure("only root can read and change the networks of the host. Use sudo.")


def require_all() -> None:
    """Fail without root, or without what the core needs.

    :raises Failure: without root, or without the library pyroute2
    """
    require_root()
    lacking = missing()
    if lacking:
        raise Failure(lacking)


@contextmanager
def controller(check: bool, patience: float = PATIENCE, progress: bool = True) -> Iterator[Controller]:
    """Yield the core's controller.

    :param check: whether the host and the store are only read
    :param patience: seconds to wait for other runs to end
    :param progress: whether to show how far a long run is
    :raises Failure: without root, or without the library pyroute2
    """
    require_all()
    with Kernel(run_program) as kernel:
        if not progress:
            yield Controller(kernel, warn, check, patience=patience)
            return
        messages = Messages(kernel.progress)

        def warn_below(text: str) -> None:
            messages.clear()
            warn(text)

        try:
            yield Controller(kernel, warn_below, check, patience=patience)
        finally:
            messages.clear()
