# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scenario ``control`` runs the commands that docs/overlay.md shows, with the inventory that it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = ROOT / "molecule" / "control"
HEADING = "## From three fresh hosts to a dynamic, encrypted overlay\n"


def section() -> str:
    page = (ROOT / "docs" / "overlay.md").read_text(encoding="utf-8")
    return page.partition(HEADING)[2].partition("\n## ")[0]


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_commands_are_those_of_the_page() -> None:
    shown = re.findall(r"^\$ ansible-playbook (\S+) --inventory hosts.yml$", section(), re.MULTILINE)
    assert len(shown) == 2
    assert [each["ansible.builtin.import_playbook"] for each in loaded(SCENARIO / "converge.yml")] == shown


def test_the_inventory_is_that_of_the_page() -> None:
    """The scenario adds what belongs to its fleet, and what it does later."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", section(), re.MULTILINE | re.DOTALL)
    shown, used = yaml.safe_load(block)["all"], loaded(SCENARIO / "inventory.yml")["all"]
    hosts = used["children"]["fleet"]["hosts"]
    assert {name: each["cnm_host_number"] for name, each in hosts.items()} == {
        name: each["cnm_host_number"] for name, each in shown["hosts"].items()
    }
    assert used["children"]["etcd"] == shown["children"]["etcd"]
    variables = used["vars"]
    assert variables["control"] == "etcd"
    assert (variables["cnm_networks"], variables["cnm_sandboxes"]) == (
        "{{ networks[control] }}",
        "{{ sandboxes[control] }}",
    )
    begin = {
        **variables,
        "cnm_networks": variables["networks"]["etcd"],
        "cnm_sandboxes": variables["sandboxes"]["etcd"],
    }
    assert {name: begin[name] for name in shown["vars"]} == shown["vars"]
    more = {"cnm_etcd_folder", "cnm_frr_folder"}
    assert {name for name in variables if name.startswith("cnm_")} == {*shown["vars"], *more}
