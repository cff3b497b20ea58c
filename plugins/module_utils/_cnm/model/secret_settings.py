# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel settings whose values nobody is to read in messages, results and logs."""

from __future__ import annotations

import re

_SECRET = r"net[./]ipv4[./]tcp_fastopen_key|net[./]ipv6[./]conf[./].+[./]stable_secret"
"""Settings that hold keys, which only root may read (Documentation/networking/ip-sysctl.rst)."""


def is_secret(setting: str) -> bool:
    """Say whether the value of SETTING, the name of a kernel setting, is a secret."""
    return bool(re.fullmatch(_SECRET, setting))


def told(setting: str, value: str) -> str:
    """Return VALUE for messages and results; asterisks if SETTING is secret."""
    return "********" if is_secret(setting) else value
