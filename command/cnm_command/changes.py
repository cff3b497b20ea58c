# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the core for the verbs that change something."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, TypeVar

from _cnm.controller import Groups, Result
from _cnm.engines import ensure_all
from _cnm.model.errors import CnmError, Incomplete, printable
from _cnm.model.network import Network
from _cnm.model.sandbox import Sandbox
from _cnm.store.objects import SqliteStore

from .access import controller, warn
from .differences import changed_lines
from .errors import Failure

T = TypeVar("T", Network, Sandbox)


def carry_out(options: Namespace, choose: Callable[[SqliteStore], Groups]) -> Result:
    """Do what CHOOSE returns, given the store; with ``--dry-run`` only print what it would change.

    :raises Failure: what CHOOSE raises
    :raises CnmError: if it is not valid, or if the host refuses a change
    """
    with controller(check=True) as core:
        groups = core.look(choose)
    try:
        result = ensure_all(controller, groups, options.dry_run, warn)
    except Incomplete as error:
        # What was asked for was done; only other objects were not repaired.
        warn(str(error))
        return Result(True)
    if options.diff or options.dry_run:
        sys.stderr.write("".join(map(changed_lines, result.differences)))
    return result


def create(options: Namespace, choose: Callable[[SqliteStore], Groups]) -> int:
    """Do what CHOOSE returns, and print the id of the object that its last item describes; return the exit status."""
    for shown in carry_out(options, choose).objects[-1:]:
        print(shown["Id"])
    return 0


def one_by_one(names: Iterable[str], do: Callable[[str], None]) -> int:
    """Call DO for each of NAMES, and print those with which it succeeds; return the exit status.

    As with Docker's commands, a failure does not keep the others from being done.
    """
    status = 0
    for name in names:
        try:
            do(name)
        except (CnmError, Failure) as error:
            print(f"cnm: {printable(str(error))}", file=sys.stderr)
            status = 1
        else:
            print(printable(name), flush=True)
    return status


def network(store: SqliteStore, reference: str) -> Network:
    """Return the network with REFERENCE as its name, its id or the beginning of its id.

    :raises Failure: if there is none, or if several ids begin with it
    """
    return _known("network", store.find_network, reference)


def sandbox(store: SqliteStore, reference: str) -> Sandbox:
    """Return the sandbox with REFERENCE as its name, its id or the beginning of its id.

    :raises Failure: if there is none, or if several ids begin with it
    """
    return _known("sandbox", store.find_sandbox, reference)


def _known(kind: str, find: Callable[[str], Optional[T]], reference: str) -> T:
    try:
        item = find(reference)
    except ValueError as error:
        raise Failure(f"{kind} {reference}: {error}") from error
    if item is None:
        raise Failure(f"{kind} {reference} not found")
    return item


def pairs(texts: Iterable[str], option: str, separator: str = "=") -> Dict[str, str]:
    """Return TEXTS, values of OPTION such as ``key=value``, as a dictionary; without SEPARATOR, the value is empty.

    :raises Failure: if one of them has no key
    """
    values = {}
    for text in texts:
        key, _separator, value = text.partition(separator)
        if not key:
            raise Failure(f"invalid value '{text}' for {option}: there is nothing before '{separator}'.")
        values[key] = value
    return values


def given(**values: Any) -> Mapping[str, Any]:
    """Return those of VALUES, options of an item, that the command line has."""
    return {name: value for name, value in values.items() if value not in (None, [], {}, "")}
