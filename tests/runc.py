# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A runc that does not ask for capabilities that root lacks on this machine, as inside a container.

It is made the default runtime of a dockerd, so that ``docker run --privileged`` works there, too.
"""

import json
import os
import shutil
import sys

_NAMES = {21: "CAP_SYS_ADMIN", 24: "CAP_SYS_RESOURCE", 16: "CAP_SYS_MODULE", 17: "CAP_SYS_RAWIO", 22: "CAP_SYS_BOOT"}
"""Number (include/uapi/linux/capability.h) -> name, of capabilities that root in containers often lacks."""


def option(*names):
    """Return the argument after one of NAMES, or None."""
    return next((sys.argv[place + 1] for place, word in enumerate(sys.argv) if word in names), None)


def lacking():
    """Return the names of the capabilities that no process can have here."""
    with open("/proc/self/status") as status:
        bounding = next(int(line.split()[1], 16) for line in status if line.startswith("CapBnd"))
    return {name for number, name in _NAMES.items() if not bounding >> number & 1}


def strip(path):
    """Remove the lacking capabilities from the process that the file at PATH describes."""
    with open(path) as stream:
        description = json.load(stream)
    process, missing = description.get("process", description), lacking()
    for names in (process.get("capabilities") or {}).values():
        names[:] = [name for name in names if name not in missing]
    with open(path, "w") as stream:
        json.dump(description, stream)


if "create" in sys.argv or "run" in sys.argv:
    strip(os.path.join(option("--bundle", "-b") or ".", "config.json"))
elif "exec" in sys.argv and option("--process", "-p"):
    strip(option("--process", "-p"))
os.execv(shutil.which("runc") or "/usr/sbin/runc", ["runc", *sys.argv[1:]])
