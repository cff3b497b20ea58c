# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An unprivileged user of the host, whose processes do whatever they can while tasks run."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from children import start

from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.dns import RECORDS

USER = 12345
HOME = Path("/run/home-of-a-user")
LINK = HOME / "namespace"
"""A path in the user's own folder, which a playbook adopts."""

_PORTS = range(49153, 49193)
"""The host ports that are chosen first."""
_POSES = (
    ["/usr/lib/podman/aardvark-dns", "-s", "--", "--config", RECORDS, "--port", "53", "run"],
    ["aardvark-dns", "-s", "--", "--config", RECORDS, "run"],
)


def home(places: Sequence[str]) -> None:
    """Create the user's folder, with a link to the first of PLACES."""
    HOME.mkdir()
    os.symlink(places[0], LINK)
    for path in (HOME, LINK):
        os.chown(path, USER, USER, follow_symlinks=False)


def _turn(chance: random.Random, places: Sequence[str]) -> None:
    """Point the link to random PLACES, one after the other."""
    while True:
        new = f"{LINK}.new"
        os.symlink(chance.choice(places), new)
        os.replace(new, LINK)


def _listen(chance: random.Random) -> None:
    """Listen on random ports that sandboxes may get, and close them again."""
    held: list[socket.socket] = []
    while True:
        made = socket.socket(chance.choice((socket.AF_INET, socket.AF_INET6)), socket.SOCK_STREAM)
        with suppress(OSError):
            made.bind(("", chance.choice(_PORTS)))
            made.listen()
            held.append(made)
        while len(held) > 20:
            held.pop(chance.randrange(20)).close()
        time.sleep(0.002)


def _as_user(work: Callable[[], None]) -> None:
    os.setgroups([])
    os.setgid(USER)
    os.setuid(USER)
    work()


@contextmanager
def at_work(chance: random.Random, places: Sequence[str]) -> Iterator[None]:
    """Run the user's processes during the block. One of them points the link to PLACES."""
    own = random.Random(chance.random()), random.Random(chance.random())
    children = [start(partial(_as_user, partial(_turn, own[0], places)))]
    children.append(start(partial(_as_user, partial(_listen, own[1]))))
    options: dict[str, Any] = {"executable": "/bin/sh", "stdin": subprocess.PIPE, "user": USER, "group": USER}
    posing = [subprocess.Popen(argv, extra_groups=(), cwd="/", **options) for argv in _POSES]
    try:
        yield
        assert all(each.poll() is None for each in posing), "a process of the user has ended"
        assert [os.waitpid(child, os.WNOHANG) for child in children] == [(0, 0)] * len(children)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        for each in posing:
            each.communicate()
