# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures cnm.linux and its peers in turn on private hosts: ``make bench ARGS="--part attach --sizes 20"``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT / name) for name in (".cache", "tests/kernel/support", "command")]

import parts
import peers
import report
from record import Record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", action="append", choices=parts.NAMES, help="what to measure; all if left out")
    parser.add_argument("--peer", action="append", choices=peers.NAMES, help="whom to measure; all if left out")
    parser.add_argument("--sizes", type=int, nargs="+", default=(), help="how many objects; the part's own if left out")
    parser.add_argument("--rounds", type=int, default=3, help="how often; medians count")
    parser.add_argument("--write", action="store_true", help="write all that is known into docs/performance.md")
    parser.add_argument("--no-run", action="store_true", help="measure nothing, to write what is known")
    chosen = parser.parse_args()
    record = Record()
    plan = parts.Plan(chosen.sizes, chosen.rounds, chosen.peer or peers.NAMES)
    for name in () if chosen.no_run else chosen.part or parts.NAMES:
        parts.part(name)(plan, record)
    print(report.table(record if not chosen.no_run else Record.load()))
    if chosen.write:
        report.write(Record.load())


main()
