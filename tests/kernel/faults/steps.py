# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a run: everything that the core does to the host and to its store, seen from below the core.

During a run, the functions that the core calls for this are replaced, so that the run can be interrupted or given a
false answer at any step. In a batch of netlink requests, each request is a step.
"""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import stat
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Callable, NamedTuple, Optional

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel import system_calls
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall import conntrack
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl import socket as netlink
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.uapi import RTM_GETNSID, RTM_NEWLINK

CHANGES = ("netlink", "write", "unlink", "namespace", "program", "conntrack", "commit")
"""The kinds of steps that change the host or the store's files."""

_WRITING = (
    "mkdir",
    "rename",
    "replace",
    "symlink",
    "pwrite",
    "write",
    "ftruncate",
    "truncate",
    "fchmod",
    "chmod",
    "fsync",
    "utime",
    "kill",
)
_UNLINKING = ("unlink", "rmdir")
_READING = ("list", "-S", "version", "dump-dps")
_DELETE_CONNECTION = (1 << 8) | 2


class Step(NamedTuple):
    """One step of a run."""

    kind: str
    what: str


class Fault:
    """What fails in a run, and at which step.

    :param kinds: the kinds of steps that count
    :param number: the number of the step, from 0
    :param act: called at this step; the core gets what it returns as the answer
    :param after: whether the step is carried out first
    :param lasting: groups of kinds; all later steps of the same group fail, too
    """

    def __init__(
        self,
        kinds: Sequence[str],
        number: int,
        act: Callable[[Step], Any] = lambda step: None,
        after: bool = False,
        lasting: Sequence[Sequence[str]] = (),
    ) -> None:
        self._kinds = kinds
        self._number = number
        self.act = act
        self._lasting = lasting
        self.after = after
        self.count = 0
        self.struck: Optional[Step] = None
        """The first step at which it happened."""

    def meets(self, step: Step) -> bool:
        """Count STEP, and return whether it fails."""
        if self.struck is not None:
            return any({step.kind, self.struck.kind} <= set(kinds) for kinds in self._lasting)
        if step.kind not in self._kinds:
            return False
        self.count += 1
        if self.count - 1 == self._number:
            self.struck = step
        return self.struck is not None


def _wrapped(original: Callable[..., Any], fault: Fault, step_of: Callable[..., Optional[Step]]) -> Callable[..., Any]:
    def call(*arguments: Any, **more: Any) -> Any:
        step = step_of(*arguments, **more)
        if step is None or not fault.meets(step):
            return original(*arguments, **more)
        if fault.after:
            original(*arguments, **more)
        return fault.act(step)

    return call


@contextmanager
def under(fault: Fault) -> Iterator[None]:
    """Apply FAULT during the block."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _WRITING:
            patch.setattr(os, name, _wrapped(getattr(os, name), fault, _named("write", name)))
        for name in _UNLINKING:
            patch.setattr(os, name, _wrapped(getattr(os, name), fault, _named("unlink", name)))
        patch.setattr(os, "open", _wrapped(os.open, fault, _opening))
        patch.setattr(system_calls, "_call", _wrapped(system_calls._call, fault, _calling))
        patch.setattr(conntrack, "_send", _wrapped(conntrack._send, fault, _ending))
        patch.setattr(netlink.Socket, "_exchange_chunk", _exchanging(netlink.Socket._exchange_chunk, fault))
        patch.setattr(netlink.socket, "socket", lambda *kind: _Channel(fault, *kind))
        patch.setattr(sqlite3, "connect", _connecting(sqlite3.connect, fault))
        yield


def program(run: Callable[..., Any], fault: Fault) -> Callable[..., Any]:
    """Return RUN, which runs a program of the host, under FAULT."""
    return _wrapped(run, fault, _running)


def _named(kind: str, name: str) -> Callable[..., Optional[Step]]:
    def step(first: Any, *_rest: Any, **_more: Any) -> Optional[Step]:
        to_a_program = name == "write" and stat.S_ISFIFO(os.fstat(first).st_mode)
        return None if to_a_program else Step(kind, f"{name} {first!r}")

    return step


def _opening(path: Any, flags: int, *_mode: Any, **_more: Any) -> Optional[Step]:
    return Step("write", f"open {path}") if flags & os.O_CREAT else None


def _calling(name: str, *arguments: Any) -> Optional[Step]:
    return Step("namespace", f"{name} {arguments[:2]}") if name != "setns" else None


def _ending(_channel: Any, kind: int, *_rest: Any) -> Optional[Step]:
    return Step("conntrack", "end a connection") if kind == _DELETE_CONNECTION else None


def _running(argv: Sequence[str], text: Optional[str]) -> Step:
    reading = any(word in argv for word in _READING)
    return Step("question" if reading else "program", f"{' '.join(argv)} <<< {(text or '')[:60]!r}")


def _is_change(message: bytes) -> bool:
    """Return whether MESSAGE changes something: of the four types for each object, the first two create and remove."""
    kind = struct.unpack_from("=H", message, 4)[0]
    return RTM_NEWLINK <= kind < RTM_GETNSID and kind % 4 < 2


def _exchanging(original: Callable[..., Any], fault: Fault) -> Callable[..., Any]:
    def exchange(self: netlink.Socket, messages: Sequence[bytes]) -> Any:
        replies: list[Any] = []
        waiting: list[bytes] = []

        def send() -> None:
            if waiting:
                replies.extend(original(self, waiting))
                waiting.clear()

        for message in messages:
            kind = struct.unpack_from("=H", message, 4)[0]
            step = Step("netlink", f"message {kind}")
            if not (_is_change(message) and fault.meets(step)):
                waiting.append(message)
                continue
            if fault.after:
                waiting.append(message)
            send()
            answer = fault.act(step)
            if not fault.after:
                replies.append(answer)
        send()
        return replies

    return exchange


class _Channel(socket.socket):
    """A socket that may lose answers or lack buffer space."""

    def __init__(self, fault: Fault, *kind: Any) -> None:
        super().__init__(*kind)
        self._fault = fault

    def send(self, data: Any, *flags: Any) -> int:
        step = Step("send", "send to the kernel")
        if self._fault.meets(step):
            self._fault.act(step)
        return super().send(data, *flags)

    def recv(self, *size: Any) -> bytes:
        step = Step("answer", "hear from the kernel")
        if self._fault.meets(step):
            super().recv(*size)
            self._fault.act(step)
        return super().recv(*size)


def _connecting(original: Callable[..., Any], fault: Fault) -> Callable[..., Any]:
    class Connection(sqlite3.Connection):
        """A store whose statements may fail."""

        def execute(self, statement: str, *values: Any) -> Any:
            return _wrapped(super().execute, fault, _stating)(statement, *values)

        def executemany(self, statement: str, *values: Any) -> Any:
            return _wrapped(super().executemany, fault, _stating)(statement, *values)

        def executescript(self, script: str) -> Any:
            return _wrapped(super().executescript, fault, _stating)(script)

    def connect(path: str, **more: Any) -> Any:
        return original(path, factory=sqlite3.Connection if path == ":memory:" else Connection, **more)

    return connect


def _stating(statement: str, *_values: Any) -> Optional[Step]:
    verb = statement.split()[0]
    if verb == "COMMIT" or "COMMIT;" in statement:
        return Step("commit", statement[:60])
    return Step("store", statement[:60]) if verb in ("INSERT", "DELETE", "UPDATE") or "IMMEDIATE" in statement else None


def no_space(step: Step) -> Any:
    """Act as a full disk."""
    if step.kind in ("store", "commit"):
        raise sqlite3.OperationalError("database or disk is full")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def refusal(number: int) -> Callable[[Step], Any]:
    """Return an act that refuses a request to the kernel with errno NUMBER."""

    def refuse(step: Step) -> Any:
        if step.kind == "netlink":
            return netlink.Refusal(number, os.strerror(number))
        raise OSError(number, os.strerror(number))

    return refuse


def failing(_step: Step) -> Any:
    """Act as a program that fails."""
    return 1, "", "Error: Could not process rule: Device or resource busy"
