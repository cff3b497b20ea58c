# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loads the core from a copy on the managed host, in which it is compiled.

Ansible sends a module with all that it imports in a zip file without bytecode. Python compiles each file in it twice,
in every task, and that was half of the time of a task. So the bytecode of the core is kept in one file on the host.
The checksums in the zip file's directory, together with the Python version, give its name: each version of the core
finds its own copy or none. A file that is not in the copy is compiled once, and added to it. So is what else takes
long to compute and is always the same.

What is in the copy runs as root. So a copy counts only if it and all folders above it belong to root, are not links,
and cannot be written by anybody else. `compiled` writes it.

This file and the package's own are compiled in every task, and nothing else of the core can be imported before them: so
they are short.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
import sys
import zipimport
import zlib
from importlib.machinery import ModuleSpec
from importlib.util import MAGIC_NUMBER
from types import CodeType, ModuleType
from typing import Any, Dict, Optional, Sequence

FOLDER = "/var/cache/cnm"
CHECKSUM = 4
"""Length in bytes of the CRC-32 at the start of a copy; the rest is a dictionary of bytecode by path, and more."""


class Loader:
    """Finds and loads the modules of the core for Python's ``import``."""

    def __init__(self, package: str, folder: str, archive: zipimport.zipimporter) -> None:
        """Serve PACKAGE, which is in FOLDER, a path that begins with that of ARCHIVE.

        :raises LookupError: if the directory of ARCHIVE is not as we know it
        """
        self._archive = archive
        inside = folder[len(archive.archive) + 1 :].replace(os.sep, "/")
        # The standard library uses this too (pkgutil.iter_modules).
        directory = zipimport._zip_directory_cache[archive.archive]  # type: ignore[attr-defined]
        self.files: Dict[str, str] = {}
        """The core's files in the archive, by the name of the module."""
        contents = []
        for path in sorted(directory):
            if path.startswith(f"{inside}/") and path.endswith(".py"):
                name = path[len(inside) : -len(".py")].replace("/", ".")
                self.files[package + (name[: -len(".__init__")] if name.endswith(".__init__") else name)] = path
                contents.append((path, directory[path][3], directory[path][7]))  # its size and CRC-32
        version = (MAGIC_NUMBER, sys.flags.optimize, contents)
        digest = hashlib.sha256(repr(version).encode()).hexdigest()[:32]
        self.path = f"{FOLDER}/{sys.implementation.cache_tag}-{digest}"
        """Where the compiled copy is, or would be."""
        self.copy: Dict[str, bytes] = read(self.path)
        self.grown = False
        """Whether this process has added to it."""

    def find_spec(self, name: str, _path: Optional[Sequence[str]] = None, _target: Any = None) -> Optional[ModuleSpec]:
        """Return how to load the module called NAME; None if it does not belong to the core."""
        path = self.files.get(name)
        if path is None:
            return None
        return ModuleSpec(name, self, origin=path, is_package=path.endswith("/__init__.py"))  # type: ignore[arg-type]

    def create_module(self, _spec: ModuleSpec) -> Optional[ModuleType]:
        """Leave it to Python to make the module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Fill MODULE."""
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, name: str) -> CodeType:
        """Return the bytecode of the module called NAME."""
        path = self.files[name]
        if path in self.copy:
            code: CodeType = marshal.loads(self.copy[path])
            return code
        code = compile(self.get_source(name), path, "exec", dont_inherit=True)
        self.add(path, marshal.dumps(code))
        return code

    def add(self, key: str, data: bytes) -> None:
        """Add DATA to the copy under KEY."""
        self.copy[key] = data
        self.grown = True

    def get_source(self, name: str) -> str:
        """Return the text of the module called NAME, which tracebacks show."""
        return self._archive.get_data(self.files[name]).decode("utf-8")


def install(package: str, folder: str, archive: zipimport.zipimporter) -> None:
    """Let Python load the modules of PACKAGE, which is in FOLDER of ARCHIVE, by a `Loader`."""
    try:
        sys.meta_path.insert(0, Loader(package, folder, archive))
    except (LookupError, TypeError, AttributeError):
        return  # Python's zipimport has changed. It loads the modules itself, more slowly.


def installed() -> Optional[Loader]:
    """Return what loads the core in this process; None if Python does, from files."""
    return next((each for each in sys.meta_path if isinstance(each, Loader)), None)


def only_root_writes(folder: str) -> bool:
    """Say whether FOLDER and all folders above it belong to root, are not links, and are closed to other writers."""
    while True:
        status = os.lstat(folder)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid or status.st_mode & 0o022:
            return False
        if folder == "/":
            return True
        folder = os.path.dirname(folder)


def read(path: str) -> Dict[str, bytes]:
    """Return the compiled copy at PATH; nothing if there is none, or if somebody else may have written it."""
    try:
        if not only_root_writes(os.path.dirname(path)):
            return {}
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid or status.st_mode & 0o022:
                return {}
            data = file.read()
    except OSError:
        return {}
    if data[:CHECKSUM] != zlib.crc32(data[CHECKSUM:]).to_bytes(CHECKSUM, "big"):
        return {}
    copy: Dict[str, bytes] = marshal.loads(data[CHECKSUM:])
    return copy
