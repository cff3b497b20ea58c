# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the core importable as ``_cnm``: from a checkout, or from /usr/local/lib/cnm, where it is beside this file."""

import os
import sys


def add() -> None:
    """Let Python find the core."""
    if sys.version_info < (3, 9):  # noqa: UP036 the system may have an older one
        sys.exit(f"cnm: Python 3.9 or newer is needed, and '{sys.executable}' is {sys.version.split()[0]}.")
    home = os.path.dirname(os.path.realpath(__file__))
    if not os.path.isdir(os.path.join(home, "_cnm")):
        sys.path.append(os.path.join(os.path.dirname(home), "plugins", "module_utils"))
