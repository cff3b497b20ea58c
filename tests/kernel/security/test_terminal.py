# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Output shows texts as they are: no text moves the cursor or creates a line of its own."""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path

import pytest
from children import end, start
from lab import HOST, endpoint
from tasks import Tasks

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, printable

CNM = [sys.executable, str(Path(__file__).resolve().parents[3] / "command" / "cnm.py")]
COMMENT = "\x1b]0;owned\x07 \x9b2J \u202e é\nfatal: all is lost\x7f"
_SET_NAME = 15


def safe(text: str) -> bool:
    """Return whether TEXT contains only printable characters and line ends."""
    return all(line.isprintable() for line in text.split("\n"))


def test_labels_are_shown_escaped(tasks: Tasks) -> None:
    tasks.network("n", "10.1.0.0/24", labels={"comment": COMMENT})
    tasks.sandbox("web", "n", labels={"comment": COMMENT})
    for kind, name in (("network", "n"), ("sandbox", "web")):
        shown = tasks.host.out([*CNM, kind, "inspect", name])
        assert safe(shown)
        assert "é" in shown
        assert json.loads(shown)[0]["Labels"]["comment"] == COMMENT
        listed = tasks.host.out([*CNM, kind, "ls", "--format", "json", "--filter", "label=comment"])
        assert safe(listed)
        assert COMMENT in json.loads(listed)["Labels"]["comment" if kind == "sandbox" else slice(None)]


@pytest.mark.parametrize("arguments", [("network", "inspect", COMMENT), ("network", "ls", "--filter", COMMENT)])
def test_what_was_typed_comes_back_escaped(tasks: Tasks, arguments: tuple[str, ...]) -> None:
    done = tasks.host.run([*CNM, *arguments])
    assert done.returncode == 1
    assert safe(done.stderr)
    assert len(done.stderr.splitlines()) == 1


def test_a_process_that_is_named_in_a_message(tasks: Tasks) -> None:
    """Any user can listen on a port with any process name."""
    tasks.network("n", "10.1.0.0/24")
    hostile = "\x1b[2J\nfatal: x"

    def ask() -> None:
        ctypes.CDLL(None).prctl(_SET_NAME, hostile.encode(), 0, 0, 0)
        with endpoint(HOST, "tcp", "0.0.0.0", 8080) as waiting:
            waiting.listen()
            with pytest.raises(CnmError) as caught:
                tasks.sandbox("web", "n", published_ports=["8080:80"])
        assert printable(hostile) in str(caught.value)
        assert str(caught.value).isprintable()

    assert end(start(ask)) == 0
