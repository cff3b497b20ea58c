# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemd's mount units for namespaces, and the services that are bound to them.

systemd polls the mounts, so it does not notice that a namespace was removed and created again in between, and a service
bound to it would continue in the removed one. So we let systemd unmount a mount that has a unit file, because it first
stops the services.
"""

from __future__ import annotations

import os
from typing import Sequence

from .programs import Run, find
from .systemd import is_booted

UNITS = "/etc/systemd/system"


def stop(run: Run, paths: Sequence[str]) -> None:
    """Have systemd unmount those of PATHS that have a unit file, and stop the services that are bound to them."""
    escape, control = find("systemd-escape"), find("systemctl")
    if not (is_booted() and escape and control):
        return
    files = {name for name in os.listdir(UNITS) if name.endswith(".mount")}
    if not files:
        return
    _code, names, _errors = run([escape, "--path", "--suffix=mount", *paths], None)
    units = [name for name in names.split() if name in files]
    if units:
        run([control, "stop", "--", *units], None)
