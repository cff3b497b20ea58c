# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent of etcd in the service."""

from __future__ import annotations

from contextlib import AbstractContextManager

from _cnm.controller import Controller
from _cnm.etcd.settings_file import read
from cnm_agent.agent import Agent
from cnm_command.access import warn

from .core import controller
from .turns import Turns

_PATIENCE = 10.0
"""Seconds to wait for a run in another process. The requests of engines wait behind the agent meanwhile."""


def agent(turns: Turns, path: str) -> Agent:
    """Return the agent with the settings in the file PATH.

    :raises CnmError: if they cannot be used
    """

    def core(check: bool) -> AbstractContextManager[Controller]:
        return controller(check, warn, _PATIENCE, lambda: None)

    return Agent(read(path), core, turns.do, warn)
