# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors, with the messages that a user reads."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, TypeVar

SHOWN = 100
"""How many problems a message lists: a range of ports can be as many problems."""

A = TypeVar("A")
B = TypeVar("B")


def printable(text: str) -> str:
    """Return TEXT with control characters escaped, which could move a terminal's cursor or fake another message.

    Parts of a message may come from somebody else: any user can choose the name of a process.
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


class CnmError(Exception):
    """A refusal or failure that the user can act on; its text is one or two sentences, printable."""

    def __init__(self, text: str = "", about: Optional[Tuple[str, ...]] = None) -> None:
        """Create the error with message TEXT; ABOUT is the key of the resource that it concerns, if it concerns one."""
        super().__init__(printable(text))
        self.about = about

    def of(self, key: Tuple[str, ...]) -> "CnmError":
        """Return this error; it concerns the resource with KEY unless it already concerns another."""
        self.about = self.about or key
        return self

    def each(self) -> List["CnmError"]:
        """Return the single failures that this error collects."""
        return [self]


class InvalidInput(CnmError):
    """Options that cannot be carried out. Holds every problem found, before anything is touched."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(_listed(self.problems)))


def _listed(problems: Sequence[str]) -> List[str]:
    more = len(problems) - SHOWN
    return [*problems[:SHOWN], f"There are {more} more problems."] if more > 0 else list(problems)


class Conflict(CnmError):
    """Something that is not ours is in the place of one of our resources."""


class Locked(CnmError):
    """Another run held the lock for longer than this one waited; a later attempt may succeed."""


class StoreDamaged(CnmError):
    """The store file cannot be trusted. It is kept as it is; the text says how to recover."""


class KernelRefused(CnmError):
    """The kernel, or a program that speaks to it, did not carry out a step."""


class Collected(CnmError):
    """Several failures of a run that went on to its end, such as a teardown."""

    def __init__(self, errors: Sequence[CnmError]) -> None:
        self.errors = tuple(errors)
        super().__init__(" ".join(dict.fromkeys(str(error) for error in self.errors)))

    def each(self) -> List[CnmError]:
        return [each for error in self.errors for each in error.each()]


class Incomplete(CnmError):
    """Some objects were left out, and everything else was done; the text says which objects and why."""


def raise_all(errors: Sequence[CnmError]) -> None:
    """Raise ERRORS, if there are any, as one.

    :raises CnmError: the only one, or :class:`Collected`
    """
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Collected(errors)


class Problems:
    """Collects what is wrong with options, so that the user reads all of it at once."""

    def __init__(self) -> None:
        self.found: Dict[str, None] = {}

    def add(self, text: str) -> None:
        """Remember the problem that TEXT, one or two sentences, describes."""
        self.found[text] = None

    @contextmanager
    def about(self, subject: str = "") -> Iterator[None]:
        """Turn a ValueError of the block into a problem with SUBJECT, such as ``Network 'web'``."""
        try:
            yield
        except ValueError as error:
            self.add(f"{subject}: {error}" if subject else str(error))

    def check(self) -> None:
        """Raise InvalidInput if there is any problem."""
        if self.found:
            raise InvalidInput(list(self.found))

    def refuse(self) -> None:
        """Raise ValueError with all problems in one sentence if there is any."""
        if self.found:
            raise ValueError("; ".join(text.rstrip(".") for text in _listed(list(self.found))) + ".")


def every(read: Callable[[A], B], values: Iterable[A]) -> List[B]:
    """Return READ's result for each of VALUES.

    :raises ValueError: with the reasons for all values that READ refuses
    """
    results: List[B] = []
    problems = Problems()
    for value in values:
        with problems.about():
            results.append(read(value))
    problems.refuse()
    return results
