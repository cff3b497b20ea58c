# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs nft inside the service, by nft's own library: an engine waits, and starting the program takes most of its time.

The library comes with the package python3-nftables. Without it, the program is run.
"""

from __future__ import annotations

import importlib
import os
from functools import cache
from itertools import takewhile
from typing import Any, List, Mapping, Optional, Tuple

from cnm_command.access import run_program

_OPTIONS: Mapping[str, str] = {"-j": "set_json_output", "-t": "set_terse_output", "-s": "set_stateless_output"}
"""nft's options that the library has, with the methods that set them."""
_FROM_INPUT = ["-f", "-"]


def run(command: List[str], text: Optional[str]) -> Tuple[int, str, str]:
    """Run COMMAND, as run_program() does."""
    name, *words = command
    options = list(takewhile(_OPTIONS.__contains__, words))
    script = _script(words[len(options) :], text)
    library = _library() if os.path.basename(name) == "nft" and script is not None else None
    if library is None:
        return run_program(command, text)
    # A new context each time, because one keeps what it has read of the rules.
    context = library.Nftables()
    for option in options:
        getattr(context, _OPTIONS[option])(True)
    code, output, errors = context.cmd(script)
    return abs(code), output, errors


def _script(words: List[str], text: Optional[str]) -> Optional[str]:
    """Return what nft is to do, from its arguments WORDS or its input TEXT; None if the library cannot do it."""
    if words == _FROM_INPUT:
        return text
    if text or not words or any(word.startswith("-") for word in words):
        return None
    return " ".join(words)


@cache
def _library() -> Any:
    """Return the package of python3-nftables; None if it is not installed, or cannot load the library."""
    try:
        package = importlib.import_module("nftables")
        package.Nftables()
    except (ImportError, OSError, AttributeError):
        return None
    return package
