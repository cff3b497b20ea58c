# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our blocks of lines in text files."""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import List, NamedTuple, Optional, Sequence, Set

from ...model.errors import CnmError, Conflict, KernelRefused
from ...private_files import make_public
from ...resources.kinds import File
from ..rtnl.socket import needs_root

BEGIN, END = "# BEGIN cnm", "# END cnm"
"""The lines around our block."""
_FIRST, _LAST = f"{BEGIN}\n", f"{END}\n"
_PER_NAMESPACE = "/etc/netns"
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class _Content(NamedTuple):
    before: str
    block: Optional[str]
    after: str
    whole: bool = True
    """Whether the file has one block with both markers, or no markers at all."""


def read(path: str) -> Optional[File]:
    """Return our block in the file at PATH; None if there is none.

    An interrupted run can leave an empty file, or an empty folder in /etc/netns; these count as an empty block.

    :raises Conflict: if the path is not a file
    """
    try:
        descriptor = _open(path, os.O_RDONLY)
    except FileNotFoundError:
        return File(path, "") if _is_begun(os.path.dirname(path)) else None
    except NotADirectoryError:
        return None
    try:
        text = _text(descriptor)
        content = _split(text)
        block = content.block if text else ""
        if block is not None and not content.whole:
            # No wanted text contains a marker, so this always differs from it, and the file is repaired.
            block = f"{_FIRST}{block}"
        # Interned, so that equal present and wanted texts are in memory once.
        return None if block is None else File(path, sys.intern(block), stat.S_IMODE(os.fstat(descriptor).st_mode))
    finally:
        os.close(descriptor)


def write(file: File, ready: Set[str]) -> None:
    """Write the block of FILE in place of the present block, or at the end of the file.

    Files are bind-mounted into running programs, which would keep the old file after a rename. So the file is
    overwritten in one call: a reader sees either the old lines or the new ones, perhaps with empty lines at the end for
    a moment.

    :param ready: folders that exist, to which this one is added
    :raises CnmError: if the file cannot be written, or the path is not a file
    """
    try:
        _make_folder(os.path.dirname(file.path), ready)
        descriptor = _open(file.path, os.O_RDWR | os.O_CREAT, file.mode)
        try:
            old = _text(descriptor)
            content = _split(old)
            before = content.before if content.before.endswith("\n") or not content.before else content.before + "\n"
            text = file.text if file.text.endswith("\n") or not file.text else file.text + "\n"
            # If only empty lines follow, they are left over from an interrupted run.
            after = content.after if content.after.strip("\n") else ""
            _replace(descriptor, old, f"{before}{BEGIN}\n{text}{END}\n{after}")
            if stat.S_IMODE(os.fstat(descriptor).st_mode) != file.mode:
                os.fchmod(descriptor, file.mode)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _explained("written", file.path, error) from error


def remove(path: str) -> None:
    """Remove our block; then also the file if it is empty, and its folder if that is an empty one in /etc/netns.

    :raises CnmError: if that is refused, or the path is not a file
    """
    try:
        try:
            descriptor = _open(path, os.O_RDWR)
        except FileNotFoundError:
            _remove_folder(os.path.dirname(path))
            return
        except NotADirectoryError:
            return
        try:
            old = _text(descriptor)
            content = _split(old)
            left = content.before + content.after
            if left.strip("\n"):
                _replace(descriptor, old, left)
                return
        finally:
            os.close(descriptor)
        os.unlink(path)
        _remove_folder(os.path.dirname(path))
    except OSError as error:
        raise _explained("removed", path, error) from error


def _is_begun(folder: str) -> bool:
    """Say whether an interrupted run has created FOLDER for a file that does not exist yet."""
    try:
        return _is_of_namespace(folder) and not os.listdir(folder)
    except OSError:
        return False


def _is_of_namespace(folder: str) -> bool:
    """Say whether FOLDER is that of a network namespace in /etc/netns."""
    return folder.rpartition("/")[0] == _PER_NAMESPACE


def _make_folder(folder: str, ready: Set[str]) -> None:
    if folder in ready:
        return
    if not _is_of_namespace(folder):
        os.makedirs(folder, 0o755, exist_ok=True)
    else:
        if _PER_NAMESPACE not in ready:
            make_public(_PER_NAMESPACE)
        if not os.path.islink(folder):
            make_public(folder)
        ready.add(_PER_NAMESPACE)
    ready.add(folder)


def _remove_folder(folder: str) -> None:
    if not _is_of_namespace(folder):
        return
    try:
        os.rmdir(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.ENOENT, errno.EBUSY):
            raise


def _open(path: str, flags: int, mode: int = 0o644) -> int:
    folder = os.path.dirname(path)
    if _is_of_namespace(folder) and os.path.islink(folder):
        raise Conflict(f"The folder cannot be used: '{folder}' is a symbolic link. Move it away.")
    try:
        descriptor = os.open(path, flags | _FLAGS, mode)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise _no_file(path) from None
        raise
    status = os.fstat(descriptor)
    # A file with a second name may be anybody's, and we would change it and make it readable for everybody.
    if stat.S_ISREG(status.st_mode) and status.st_nlink <= 1:
        return descriptor
    os.close(descriptor)
    raise _no_file(path)


def _no_file(path: str) -> Conflict:
    return Conflict(f"The file cannot be written: a link, folder or device is at '{path}'. Move it away.")


def _text(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0).decode("utf-8", "surrogateescape")


def _replace(descriptor: int, old: str, new: str) -> None:
    before, after = (text.encode("utf-8", "surrogateescape") for text in (old, new))
    if before == after:
        return
    # Padded to the old length: if we are killed before truncating it, empty lines remain, not half of the old text.
    padded = after.ljust(len(before), b"\n")
    written = os.pwrite(descriptor, padded, 0)
    if written < len(padded):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.ftruncate(descriptor, len(after))


def _split(text: str) -> _Content:
    """Split TEXT at our block. Other blocks are ours, too, and single markers are dropped."""
    start, end = text.find(_FIRST), text.find(_LAST)
    once = text.count(BEGIN) == text.count(END) == 1
    if once and 0 <= start < end and text[end - 1] == "\n" and text[start - 1 : start] in ("", "\n"):
        return _Content(text[:start], text[start + len(_FIRST) : end], text[end + len(_LAST) :])
    return _split_by_line(text)


def _split_by_line(text: str) -> _Content:
    """Do what _split() does for a TEXT in which a marker is missing, occurs twice, or is not alone on its line."""
    before: List[str] = []
    after: List[str] = []
    block: Optional[List[str]] = None
    lines = text.splitlines(keepends=True)
    bare = [line.rstrip() for line in lines]
    position = 0
    while position < len(lines):
        if bare[position] == BEGIN:
            end = _end(bare, position + 1)
            block = (block or []) + lines[position + 1 : end]
            position = end
            continue
        if bare[position] != END:
            (before if block is None else after).append(lines[position])
        position += 1
    whole = [line for line in bare if line in (BEGIN, END)] in ([], [BEGIN, END])
    return _Content("".join(before), None if block is None else "".join(block), "".join(after), whole)


def _end(lines: Sequence[str], start: int) -> int:
    """Return where the block that begins at START ends: at its marker, or else at an empty line or comment."""
    marker = next((place for place in range(start, len(lines)) if lines[place] in (BEGIN, END)), len(lines))
    if lines[marker : marker + 1] == [END]:
        return marker
    return next((place for place in range(start, marker) if not lines[place] or lines[place].startswith("#")), marker)


def _explained(done: str, path: str, error: OSError) -> CnmError:
    if error.errno in (errno.EPERM, errno.EACCES):
        return needs_root(f"file '{path}' could not be {done}")
    return KernelRefused(f"File '{path}' could not be {done}: {error.strerror}.")
