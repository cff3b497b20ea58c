# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel settings whose values nobody is to read in messages, results and logs."""

from __future__ import annotations

import re

_SECRET = re.compile(r"net[./]ipv4[./]tcp_fastopen_key|net[./]ipv6[./]conf[./].+[./]stable_secret")
"""Keys, which the kernel lets only root read (Documentation/networking/ip-sysctl.rst)."""


def is_secret(setting: str) -> bool:
    """Say whether the value of SETTING, a kernel setting by its name, is a secret."""
    return bool(_SECRET.fullmatch(setting))


def told(setting: str, value: str) -> str:
    """Return VALUE as messages and results have it: stars for that of a secret SETTING."""
    return "********" if is_secret(setting) else value
