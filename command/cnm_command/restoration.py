# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``restore``: restores everything in the store after a reboot."""

from __future__ import annotations

import sys
from argparse import Namespace

from _cnm.model.errors import printable

from .access import controller
from .differences import changed_lines

LEFT_OUT = 3
"""The exit status if objects were left out."""


def restore(_options: Namespace) -> int:
    """Restore the host's networks and print what was done; return the exit status.

    It is also 0 if sandboxes wait for something that other programs make, which may appear later. It is 3 if objects
    were left out for another reason, for example because another host has an address, and everything else was done.
    """
    with controller(check=False) as core:
        result = core.restore()
    for difference in result.differences:
        sys.stdout.write(changed_lines(difference))
    for failure in result.failures:
        print(f"cnm: {printable(failure)}", file=sys.stderr)
    if result.failures or result.given_way:
        return LEFT_OUT
    if not result.changed and not result.left_out:
        print("Everything was there.")
    return 0
