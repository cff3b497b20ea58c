# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the command line to the exit status."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from typing import Callable, Mapping, Sequence

from _cnm.model.errors import CnmError, printable

from . import check, execution, inspection, listing, progress, restoration
from .arguments import parse
from .errors import Failure


def _serve(options: Namespace) -> int:
    # The other commands start faster without it.
    from cnm_service.main import serve

    return serve(options)


def _forget(options: Namespace) -> int:
    from .forgetting import forget

    return forget(options)


def _events(options: Namespace) -> int:
    from .events import show

    return show(options)


def _doctor(options: Namespace) -> int:
    from .doctor import show

    return show(options)


def _graph(options: Namespace) -> int:
    from .graph import show

    return show(options)


def _change(options: Namespace) -> int:
    from . import endpoints, networks, sandboxes

    verbs = {"network": networks.VERBS, "sandbox": sandboxes.VERBS, "endpoint": endpoints.VERBS}
    return verbs[options.kind][options.action](options)


_ACTIONS: Mapping[str, Callable[[Namespace], int]] = {
    "ls": listing.show,
    "inspect": inspection.show,
    "exec": execution.execute,
    "restore": restoration.restore,
    "check": check.show,
    "progress": progress.show,
    "doctor": _doctor,
    "events": _events,
    "graph": _graph,
    "serve": _serve,
    "forget": _forget,
}


def main(argv: Sequence[str]) -> int:
    """Run the command in ARGV; return the exit status.

    It is 1 after a failure, 64 if a template is not valid, 125 if an option is not, and 125 to 127 if a program could
    not be run in a sandbox.
    """
    options = parse(argv)
    try:
        status = _ACTIONS.get(options.action, _change)(options)
        sys.stdout.flush()
        return status
    except (CnmError, Failure) as error:
        print(f"cnm: {printable(str(error))}", file=sys.stderr)
        own = execution.OWN if options.action == "exec" else 1
        return max(own, getattr(error, "status", own))
    except BrokenPipeError:
        # Python would flush the output again at exit, and report an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
