# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What processes and hosts have used."""

from __future__ import annotations

from pathlib import Path

from fleet import Member


def traffic(member: Member) -> float:
    """Return how many MB MEMBER has sent to other hosts and received from them."""
    shown = member.listed("ip", "-s", "link", "show", "dev", "under")[0]["stats64"]
    return float(shown["rx"]["bytes"] + shown["tx"]["bytes"]) / 1e6


def memory(pid: int) -> float:
    """Return the memory of the process PID in MB."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines["VmRSS"].split()[0]) / 1024
