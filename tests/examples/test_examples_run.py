# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the modules and documents do what they say, each file's in order, on an empty host.

Every task of a module that changes something runs a second time and must then have nothing to do. A block of a
document is left out if it follows an HTML comment that says so: ``<!-- not run: the reason -->``.
"""

from __future__ import annotations

import ast
import copy
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "plugins" / "modules").glob("cnm_*.py"))
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?P<comment><!--(?:(?!-->).)*-->)?\s*^```ya?ml\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
CHANGING = ("cnm.linux.cnm_network", "cnm.linux.cnm_sandbox", "cnm.linux.cnm_endpoint")


def examples(path: Path) -> list[Any]:
    """Return the example tasks of the module at PATH."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if names == ["EXAMPLES"]:
                return yaml.safe_load(node.value.value)
    raise AssertionError(f"{path} has no examples")


def blocks(text: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the task lists and playbooks in the Markdown TEXT, with the reason for not running them or an empty one."""
    for block in BLOCK.finditer(text):
        tasks = yaml.safe_load(block["text"])
        reason = re.match(r"<!--\s*not run:\s*(.+?)\s*-->", block["comment"] or "", re.DOTALL)
        if isinstance(tasks, list):
            yield reason[1] if reason else "", tasks


def again(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield TASK, and then TASK again with the expectation that nothing is done."""
    for part in ("block", "rescue", "always"):
        if part in task:
            task = {**task, part: list(twice(task[part]))}
    yield task
    module = next((name for name in CHANGING if name in task), None)
    if module and (task[module] or {}).get("state") != "restarted":
        second = copy.deepcopy(task)
        second["name"] = f"Again: {task['name']}"
        second["register"] = "second_run"
        second["failed_when"] = "second_run is failed or second_run is changed"
        yield second


def twice(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield TASKS, each repeatable one twice."""
    for task in tasks:
        yield from again(task)


def play(tasks: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield TASKS, which are plays or tasks, as plays."""
    if "hosts" in tasks[0]:
        for one in tasks:
            parts = {part: list(twice(one[part])) for part in ("pre_tasks", "tasks", "post_tasks") if part in one}
            yield {**one, **parts}
    else:
        yield {"hosts": "localhost", "gather_facts": False, "tasks": list(twice(tasks))}


def run(examples: list[list[Any]], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run EXAMPLES, lists of plays or tasks, in order on a private host."""
    book = folder / "playbook.yml"
    plays = [one for part in examples for one in play(part)]
    book.write_text(yaml.safe_dump(plays, sort_keys=False, width=1000), encoding="utf-8")
    command = [
        str(ROOT / "tests" / "private-host"),
        str(Path(sys.executable).with_name("ansible-playbook")),
        *("--inventory", "localhost,", "--connection", "local"),
        *("--extra-vars", f"ansible_python_interpreter={sys.executable} ansible_become=false"),
        str(book),
    ]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=1200
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_examples_of_a_module(path: Path, tmp_path: Path) -> None:
    result = run([examples(path)], tmp_path)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_examples_of_a_document(path: Path, tmp_path: Path) -> None:
    examples = [tasks for reason, tasks in blocks(path.read_text(encoding="utf-8")) if not reason]
    if not examples:
        pytest.skip("It has none.")
    result = run(examples, tmp_path)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]


def test_a_block_is_left_out_for_a_reason_only() -> None:
    fence = "```"
    text = (
        f"Text.\n\n<!-- not run: needs a moon -->\n{fence}yaml\n- a: 1\n{fence}\n\n"
        f"<!-- more -->\n{fence}yaml\n- b: 2\n{fence}\n{fence}yaml\nc: 3\n{fence}\n"
    )
    assert list(blocks(text)) == [("needs a moon", [{"a": 1}]), ("", [{"b": 2}])]


def test_a_second_run_that_changes_something_is_noticed(tmp_path: Path) -> None:
    tasks = [
        {
            "name": "A network",
            "cnm.linux.cnm_network": {"name": "blue", "labels": {"at": "{{ lookup('pipe', 'date +%N') }}"}},
        }
    ]
    result = run([tasks], tmp_path)
    assert result.returncode != 0
    assert "Again: A network" in result.stdout
