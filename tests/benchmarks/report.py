# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures as tables, on the terminal and in docs/performance.md."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from clock import Cost
from overlays import NAMES as OVERLAYS
from peers import NAMES
from record import Key, Record

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("performance", "scale")
_BEGIN, _END = "<!-- figures: make bench writes this -->", "<!-- end of figures -->"


def table(record: Record) -> str:
    """Return all tables of RECORD in Markdown."""
    return "\n\n".join(tables(record, page) for page in PAGES)


def tables(record: Record, page: str) -> str:
    """Return the tables of RECORD on PAGE in Markdown."""
    sections = (
        (
            _many(record),
            _single(record),
            _restore(record),
            _growth(record),
            _containers(record),
            _datapath(record),
            _overlay(record),
            _first(record),
            _know(record),
            _play(record),
            _controller(record),
        )
        if page == "performance"
        else map(functools.partial(_scale, record), ("inventory", "etcd", "evpn"))
    )
    return "\n\n".join(section for section in sections if section)


def write(record: Record) -> None:
    """Write the tables of RECORD between the markers in the pages, and draw their plots."""
    import plot

    for name, draw in zip(PAGES, (plot.draw, plot.draw_scale)):
        path = DOCS / f"{name}.md"
        before, _begin, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
        _old, _end, after = rest.partition(_END)
        path.write_text(f"{before}{_BEGIN}\n\n{tables(record, name)}\n\n{_END}{after}", encoding="utf-8")
        draw(record, DOCS / "images" / f"{name}.svg")


def _many(record: Record) -> str:
    keys = [*record.keys("attach"), *record.keys("networks")]
    subjects = [name for name in NAMES if any(key.subject == name for key in keys)]
    rows = []
    for what, size in dict.fromkeys((key.what, key.size) for key in sorted(keys, key=_order)):
        part = "networks" if what == "networks" else "attach"
        costs = {name: record.median(Key(part, what, size, name)) for name in subjects}
        rows.append([what, str(size), *(_each(costs[name], costs.get("ours"), size) for name in subjects)])
    heading = "Milliseconds per object, wall time / CPU time, then the ratio to ours (by CPU time if known)"
    return _section(heading, ["what", "number", *subjects], rows)


def _order(key: Key) -> tuple[int, int]:
    order = ("attach", "attach, whole process", "second run", "second run, whole process", "delete", "networks")
    return order.index(key.what), key.size


def _each(cost: Cost | None, ours: Cost | None, size: int) -> str:
    if cost is None:
        return ""
    cpu = "?" if math.isnan(cost.cpu) else f"{cost.cpu * 1000 / size:.2f}"
    ratio = ""
    if ours and ours is not cost:
        ratio = f" ×{cost.wall / ours.wall if math.isnan(cost.cpu) else cost.cpu / ours.cpu:.1f}"
    return f"{cost.wall * 1000 / size:.2f} / {cpu}{ratio}"


def _single(record: Record) -> str:
    empty = record.median(Key("single", "empty module", 1, "ours"))
    if empty is None:
        return ""
    rows = []
    for key in record.keys("single"):
        cost = record.median(key)
        if cost:
            times = [f"{1000 * cost.wall:.0f}", f"{1000 * cost.cpu:.0f}", f"{1000 * (cost.cpu - empty.cpu):.0f}"]
            rows.append([key.what, *times, f"{cost.peak:.0f}"])
    columns = ["task", "wall, ms", "CPU, ms", "CPU over an empty module, ms", "peak, MB"]
    return _section("One module process, as Ansible sends it", columns, rows)


def _restore(record: Record) -> str:
    return _section("Restore", *_plain(record, "restore", lambda key: [key.subject, key.what]))


def _growth(record: Record) -> str:
    columns, rows = _plain(record, "growth", lambda key: [key.what, str(key.size)])
    return _section(
        "One more object, by the number of existing ones",
        ["one more", "existing", *columns[2:]],
        sorted(rows, key=_by_row),
    )


def _by_row(row: Sequence[str]) -> tuple[str, int]:
    return row[0], int(row[1])


def _plain(record: Record, part: str, first: Callable[[Key], list[str]]) -> tuple[list[str], list[list[str]]]:
    rows = []
    for key in record.keys(part):
        cost = record.median(key)
        if cost:
            cpu = "?" if math.isnan(cost.cpu) else f"{cost.cpu:.3f}"
            rows.append([*first(key), f"{cost.wall:.3f}", cpu, f"{cost.peak:.0f}" if cost.peak else ""])
    return ["who", "what", "wall, s", "CPU, s", "peak, MB"], rows


def _containers(record: Record) -> str:
    keys = list(record.keys("containers"))
    rows = []
    for what, size in dict.fromkeys((key.what, key.size) for key in keys):
        ours = record.median(Key("containers", what, size, "ours"))
        others = [key for key in keys if (key.what, key.size) == (what, size) and key.subject != "ours"]
        theirs = record.median(others[0]) if others else None
        if ours is None:
            continue
        if ours.peak:
            rows.append([what, f"{ours.peak:.0f} MB", ""])
        else:
            peer = f"{_milliseconds(theirs)} ×{theirs.wall / ours.wall:.2f}" if theirs is not None else ""
            rows.append([what, _milliseconds(ours), peer])
    heading = "Containers: milliseconds for each, wall time / CPU time, then the ratio of wall times"
    return _section(heading, ["what", "on our network", "on the engine's own"], rows)


def _milliseconds(cost: Cost) -> str:
    cpu = "?" if math.isnan(cost.cpu) else f"{1000 * cost.cpu:.1f}"
    return f"{1000 * cost.wall:.1f} / {cpu}"


def _datapath(record: Record) -> str:
    rows = []
    for key in record.keys("datapath"):
        cost = record.median(key)
        if cost:
            rows.append([key.subject, key.what, str(key.size), f"{1 / cost.wall:.0f}", f"{cost.cpu * 1e6:.0f}"])
    columns = ["who", "what", "number", "new connections per second", "median latency, µs"]
    return _section("Through a published port", columns, rows)


def _overlay(record: Record) -> str:
    rows = []
    for what, size in dict.fromkeys((key.what, key.size) for key in record.keys("overlay")):
        costs = [record.median(Key("overlay", what, size, name)) for name in OVERLAYS]
        if what == "round trip":
            figures = {"round trip, µs": [cost and cost.wall * 1e6 for cost in costs]}
        else:
            figures = {
                f"{what}, Gbit/s": [cost and 1 / cost.wall for cost in costs],
                f"{what}, CPU ms per gigabit": [cost and cost.cpu * 1000 for cost in costs],
            }
        rows += [[name, *_beside_the_first(values)] for name, values in figures.items()]
    return _section("Between two hosts, with the ratio to the underlay", ["what", *OVERLAYS], rows)


def _beside_the_first(figures: Sequence[float | None]) -> list[str]:
    first, *others = figures
    shown = [f"{first:.1f}" if first else ""]
    for figure in others:
        ratio = f" ×{figure / first:.2f}" if figure and first else ""
        shown.append(f"{figure:.1f}{ratio}" if figure else "")
    return shown


def _first(record: Record) -> str:
    keys = list(record.keys("first"))
    subjects = [name for name in OVERLAYS if any(key.subject == name for key in keys)]
    rows = []
    for what, size in dict.fromkeys((key.what, key.size) for key in keys):
        costs = [record.median(Key("first", what, size, name)) for name in subjects]
        rows.append([what, *(_waited(cost) for cost in costs)])
    return _section(
        "Time from the start of a task to the first answer from another host, and the silence during a move, ms",
        ["what", *subjects],
        rows,
    )


def _waited(cost: Cost | None) -> str:
    if cost is None:
        return ""
    return f"{cost.wall * 1000:.0f}" if math.isfinite(cost.wall) else "never"


def _know(record: Record) -> str:
    rows = []
    for what, size in dict.fromkeys((key.what, key.size) for key in record.keys("know")):
        costs = [record.median(Key("know", what, size, name)) for name in ("p50", "p99", "max")]
        cpu = costs[-1].cpu if costs[-1] else math.nan
        rows.append(
            [what, str(size), *(_waited(cost) for cost in costs), "" if math.isnan(cpu) else f"{cpu * 1000:.0f}"]
        )
    heading = "Time until the name server of every other host knows what has happened, through etcd, ms"
    return _section(heading, ["what", "times", "p50", "p99", "max", "CPU of all agents and of etcd"], rows)


def _scale(record: Record, control: str) -> str:
    keys = [key for key in record.keys("scale") if key.subject == control]
    sizes = sorted({key.size for key in keys})
    rows = []
    for what in dict.fromkeys(key.what for key in keys):
        costs = [record.median(Key("scale", what, size, control)) for size in sizes]
        rows.append([what, *(_figure(cost.wall) if cost else "" for cost in costs)])
    return _section(f"`{control}`, by the number of hosts", ["what", *map(str, sizes)], rows)


def _figure(figure: float) -> str:
    """Return FIGURE with at least two digits that count."""
    return f"{figure:.0f}" if figure >= 10 or not figure else f"{figure:.2g}"


def _play(record: Record) -> str:
    rows = []
    for what, size in dict.fromkeys((key.what, key.size) for key in record.keys("play")):
        whole, hosts = (record.median(Key("play", what, size, subject)) for subject in ("play", "hosts"))
        if whole and hosts:
            each = [whole.wall, whole.cpu - hosts.cpu, hosts.cpu]
            rows.append([what, str(size), f"{whole.wall:.1f}", *(f"{1000 * figure / size:.0f}" for figure in each)])
    columns = ["run", "hosts", "wall, s", "wall, ms per host", "controller's CPU, ms per host", "host's CPU, ms"]
    return _section("A play with one task for each host", columns, sorted(rows, key=_by_row))


def _controller(record: Record) -> str:
    rows = []
    for what, size in dict.fromkeys((key.what, key.size) for key in record.keys("controller")):
        ours, nothing = (
            record.median(Key("controller", what, size, task))
            for task in ("cnm.linux.topology", "ansible.builtin.ping")
        )
        if ours and nothing:
            each = [f"{1000 * cost.cpu / size:.0f}" for cost in (ours, nothing)]
            rows.append([what, str(size), f"{ours.wall:.0f}", *each, f"{ours.peak:.0f}", f"{nothing.peak:.0f}"])
    columns = ["strategy", "hosts", "wall, s", "CPU, ms per host", "of ping", "peak, MB", "of ping"]
    return _section("The controller alone, with hosts that have 20 sandboxes each and answer at once", columns, rows)


def _section(heading: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(row) for row in (columns, ["---"] * len(columns), *rows)]
    return f"{heading}:\n\n" + "\n".join(f"| {line} |" for line in lines) if len(lines) > 2 else ""
