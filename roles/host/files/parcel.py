# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packs the command cnm, with the core that it needs, into one tar file: parcel.py FILE TOP-OF-THE-COLLECTION.

Prints the names of the files in it.
"""

import os
import sys
import tarfile
import zlib
from functools import partial

PARTS = (
    (
        "command",
        (
            "cnm",
            "cnm-cni",
            "cnm-netavark",
            "cnm.py",
            "cnm_agent",
            "cnm_client.py",
            "cnm_command",
            "cnm_engine.py",
            "cnm_engines",
            "cnm_service",
            "completion",
            "core_path.py",
            "man",
        ),
    ),
    (os.path.join("plugins", "module_utils"), ("_cnm",)),
)

OF_ANSIBLE = ("_cnm/options.py", "_cnm/task.py")


def readable(folder, member):
    """Give MEMBER of FOLDER to root, readable by all; leave out what Python generates and what needs Ansible."""
    if os.path.basename(member.name) == "__pycache__" or member.name in OF_ANSIBLE:
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    # Ansible's unarchive compares times, not contents. So the time is derived from the content, in every checkout
    # alike.
    member.mtime = 0
    if member.isfile():
        with open(os.path.join(folder, member.name), "rb") as file:
            member.mtime = zlib.crc32(file.read()) >> 2
    return member


def main(parcel, top):
    with tarfile.open(parcel, "w", format=tarfile.GNU_FORMAT) as archive:
        for part, names in PARTS:
            folder = os.path.join(top, part)
            for name in names:
                archive.add(os.path.join(folder, name), name, filter=partial(readable, folder))
        print("\n".join(member.name for member in archive.getmembers() if member.isfile()))


main(*sys.argv[1:])
