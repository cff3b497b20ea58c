# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the programs that list rules, nft and iptables, only if the rules have changed.

Running a program takes 3 milliseconds, and a run that changes nothing needed five of them. The kernel numbers the
states of a namespace's rules: each transaction of nft, and of the iptables that is built on it, ends in a new
*generation* (nf_tables_commit in net/netfilter/nf_tables_api.c). While the number is the same, a program would list the
same rules again. And if one of our own transactions is the only one in between, other tables are as they were.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from contextlib import suppress
from typing import Any, Dict, List, Optional, Tuple

from ...model.errors import CnmError
from ...private_files import make_private, read_private, remove_private, write_private
from ..boot import boot_id
from ..rtnl import uapi
from ..rtnl.socket import SO_NETNS_COOKIE
from ..system.programs import Run, real_name

MEMORY = "/run/cnm/listings.json"
"""The answers of programs, and for which state they hold. In /run, because generations start again after a boot."""
_OURS = "list table inet cnm"
_ELEMENTS = ("add element inet cnm ", "delete element inet cnm ")
"""How a script begins that changes elements of our table and nothing else."""
_WITH_ELEMENTS = (_OURS, "list ruleset")
"""Parts of the commands that list elements of our table."""
_LONGEST = 4 << 20
"""Characters in the longest answer that is remembered. /run is in memory, and longer ones would take too much of it."""

_GET_GENERATION, _NEW_GENERATION, _GENERATION_ID = (10 << 8) | 16, (10 << 8) | 15, 1
"""NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, NFT_MSG_NEWGEN and NFTA_GEN_ID of include/uapi/linux/netfilter/."""
_REQUEST = struct.pack("=IHHIIBBH", 20, _GET_GENERATION, 1, 1, 0, 0, 0, 0)


class Listings:
    """Runs programs; one that only lists rules is not run if its answer is known and still holds."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._socket: Optional[socket.socket] = None
        self._place = ""
        """An identity of the boot and of the namespace that the socket is in."""
        self._state = ""
        """The namespace and the generation for which the answers hold, as _now() returns them."""
        self._answers: Optional[Dict[str, str]] = None
        """What programs have printed, by their command lines; None until the file has been read."""
        self._changed = False

    def run(self, command: List[str], text: Optional[str]) -> Tuple[int, str, str]:
        """Return the exit status, output and error output of COMMAND. TEXT is its input."""
        if text is not None and text.startswith(_ELEMENTS):
            return self._change_elements(command, text)
        state = self._now() if text is None and _only_lists(command) else ""
        if not state:
            return self._run(command, text)
        if self._answers is None:
            self._state, self._answers = _read()
        words = " ".join(command)
        if self._state == state and words in self._answers:
            return 0, self._answers[words], ""
        status, output, errors = self._run(command, text)
        # A failure may be temporary. If the rules have changed meanwhile, the answer may be about either state.
        if status == 0 and len(output) <= _LONGEST and self._now() == state:
            if self._state != state:
                self._state, self._answers = state, {}
            self._answers[words] = output
            self._changed = True
        return status, output, errors

    def _change_elements(self, command: List[str], script: str) -> Tuple[int, str, str]:
        """Run COMMAND, an nft that reads SCRIPT. What lists no elements of our table is still known afterwards."""
        before = self._now()
        status, output, errors = self._run(command, script)
        if status == 0 and before and self._state == before:
            # If somebody else has changed rules meanwhile, the host's state is a later one.
            self._state, self._changed = _following(before), True
            known = self._answers or {}
            self._answers = {words: text for words, text in known.items() if not any(map(words.count, _WITH_ELEMENTS))}
        return status, output, errors

    def keep(self) -> None:
        """Keep the answers for later runs. This only saves time, so a failure is silent.

        If our table is gone, the file is removed.
        """
        if self._answers is None:
            return
        with suppress(OSError, CnmError):
            if self._now() != self._state or not any(_OURS in words for words in self._answers):
                forget()
                return
            if not self._changed:
                return
            self._changed = False
            make_private(os.path.dirname(MEMORY))
            write_private(MEMORY, json.dumps({"state": self._state, "answers": self._answers}).encode())

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()

    def _now(self) -> str:
        """Return an identity of the namespace and the generation of its rules; empty if there is none."""
        try:
            if self._socket is None:
                kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
                self._socket = socket.socket(socket.AF_NETLINK, kind, uapi.NETLINK_NETFILTER)
                # Otherwise a program with rights in the namespace could answer in the kernel's place.
                self._socket.connect((0, 0))
                cookie = self._socket.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
                self._place = f"{boot_id()} {cookie.hex()}" if boot_id() else ""
            self._socket.send(_REQUEST)
            answer = self._socket.recv(1 << 16)
        except OSError:
            return ""
        message, length, attribute = struct.unpack_from("=4xH14xHH", answer.ljust(28, b"\0"))
        known = (message, length, attribute) == (_NEW_GENERATION, 8, _GENERATION_ID) and self._place != ""
        return f"{self._place} {answer[24:28].hex()}" if known else ""


def _following(state: str) -> str:
    """Return the state that is one transaction after STATE."""
    place, _space, generation = state.rpartition(" ")
    return f"{place} {int(generation, 16) + 1:08x}"


def _only_lists(command: List[str]) -> bool:
    """Say whether COMMAND runs nft, or an iptables that is built on it, to list rules."""
    return ("list" in command or "-S" in command) and "nft" in real_name(command[0])


def forget() -> None:
    """Remove what keep() has kept. A file that stays is harmless, because its generation does not come back."""
    with suppress(OSError):
        remove_private(MEMORY)


def _read() -> Tuple[str, Dict[str, str]]:
    try:
        memory: Any = json.loads(read_private(MEMORY))
        answers = {str(words): str(answer) for words, answer in memory["answers"].items()}
        return str(memory["state"]), answers
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", {}
