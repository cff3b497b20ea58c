# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are written only if they change."""

from __future__ import annotations

from pathlib import Path
from typing import List, Mapping

from ..errors import Failure


def write(texts: Mapping[str, str], folder: str, dry_run: bool) -> List[str]:
    """Write TEXTS, by file name, to FOLDER, which is made if necessary; return the paths of the files that change.

    :param dry_run: whether they are only named
    :raises Failure: if a file cannot be read or written
    """
    changed = []
    try:
        for name, text in texts.items():
            path = Path(folder, name)
            if path.exists() and path.read_text(encoding="utf-8", errors="replace") == text:
                continue
            changed.append(str(path))
            if not dry_run:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"'{error.filename}' cannot be written: {error.strerror}.") from error
    return changed
