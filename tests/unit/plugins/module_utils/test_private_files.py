# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private files are replaced as a whole, and a write that stops early leaves nothing beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.private_files import write_private


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("step", ["open", "replace"])
def test_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException) -> None:
    file = tmp_path / "file"
    write_private(str(file), b"old")
    real = getattr(os, step)

    def stop(*arguments: Any) -> None:
        if step == "open":
            os.close(real(*arguments))
        raise error

    monkeypatch.setattr(os, step, stop)
    with pytest.raises(type(error)):
        write_private(str(file), b"new")
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["file"]
    assert file.read_bytes() == b"old"
