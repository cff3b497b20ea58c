# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private host, and everything on it that a module could change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import running
from inventory import inventory
from stand_in import Host


class Machine:
    """A host with a network, a sandbox on it, and somebody else's namespace ``old``."""

    def __init__(self, host: Host) -> None:
        self._host = host
        host.out(["ip", "netns", "add", "old"])
        running.furnish()
        running.tidy()
        self.empty = self.state()
        running.furnish()
        self.furnished = self.state()

    def state(self) -> dict[str, Any]:
        """Return the state of the host, the objects that modules show, and our files."""
        files = (path for folder in ("/etc/cnm", "/run/cnm", "/var/lib/cnm") for path in Path(folder).rglob("*"))
        return {
            **inventory(self._host),
            "objects": running.objects(),
            # The files beside the store are SQLite's own business.
            "our files": sorted(str(path) for path in files if not path.name.startswith("cnm.db-")),
        }
