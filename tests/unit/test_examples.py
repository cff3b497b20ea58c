# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples in the modules' documentation are tasks that the modules accept."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any, Iterator

import pytest

yaml = pytest.importorskip("yaml")
arg_spec = pytest.importorskip("ansible.module_utils.common.arg_spec")

COLLECTION = "cnm.linux."
STANDS_FOR = {"int": 1, "bool": True, "list": [], "dict": {}}
MODULES = sorted((Path(__file__).resolve().parents[2] / "plugins" / "modules").glob("cnm_*.py"))


def literals(path: Path) -> dict[str, Any]:
    """Return the texts that the module at PATH assigns at its top level."""
    assigned = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.Assign)]
    return {
        target.id: node.value.value
        for node in assigned
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant)
    }


def calls(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield each call of one of our modules in NODE, at any depth: its short name and its options."""
    if isinstance(node, list):
        for item in node:
            yield from calls(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if str(key).startswith(COLLECTION):
                yield key[len(COLLECTION) :], value
            else:
                yield from calls(value)


def rendered(value: Any, option: dict[str, Any]) -> Any:
    """Return VALUE with each template replaced by a value of OPTION's type."""
    if isinstance(value, str) and "{{" in value:
        return STANDS_FOR.get(option.get("type"), value)
    if isinstance(value, list):
        return [rendered(item, {**option, "type": option.get("elements")}) for item in value]
    if isinstance(value, dict) and option.get("options"):
        return {key: rendered(inner, option["options"].get(key, {})) for key, inner in value.items()}
    return value


def problems(module: str, options: dict[str, Any]) -> list[str]:
    """Return the problems that MODULE finds in OPTIONS."""
    documented = importlib.import_module(f"ansible_collections.cnm.linux.plugins.modules.{module}")
    options = rendered(options or {}, {"options": documented.ARGUMENTS})
    return list(arg_spec.ArgumentSpecValidator(documented.ARGUMENTS).validate(options).error_messages)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_is_documented(path: Path) -> None:
    texts = literals(path)
    documentation, returned = yaml.safe_load(texts["DOCUMENTATION"]), yaml.safe_load(texts["RETURN"])
    assert documentation["module"] == path.stem
    assert returned


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_examples_are_accepted(path: Path) -> None:
    examples = list(calls(yaml.safe_load(literals(path)["EXAMPLES"])))
    assert path.stem in [module for module, _options in examples]
    assert [(options, wrong) for module, options in examples for wrong in [problems(module, options)] if wrong] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_an_unknown_option_is_noticed(path: Path) -> None:
    assert problems(path.stem, {"nam": "blue"})
