# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pyroute2's message classes load without the rest of pyroute2, and programs that import all of it still get it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl import message_classes

_CACHE = Path(__file__).resolve().parents[4] / ".cache"
_BEGIN = f"""
import sys

sys.path.insert(0, {str(_CACHE)!r})
from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl import message_classes, request

def imported():
    return sorted(name for name in sys.modules if name.partition(".")[0] in ("pyroute2", "pr2modules"))

"""
pytestmark = pytest.mark.skipif(not _CACHE.exists(), reason="ansible-test runs a copy, and knows it by other ways")


def run(program: str) -> str:
    """Run PROGRAM in a Python process of its own and return its output."""
    done = subprocess.run([sys.executable, "-c", _BEGIN + program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_is_imported_until_something_is_encoded() -> None:
    assert run("print(imported())") == "[]\n"


def test_the_package_is_not_executed_and_not_left_behind() -> None:
    program = """
link = message_classes.message_class("ifinfmsg")
request.encode("link", 16, 4, [("IFLA_IFNAME", "eth0"), ("IFLA_LINKINFO", [("IFLA_INFO_KIND", "bridge")])])
assert link is message_classes.message_class("ifinfmsg")
assert message_classes.message_class("ifaddrmsg").__mro__[1] in link.__mro__
print(imported(), any("iproute" in name for name in message_classes._parts))
"""
    assert run(program) == "[] False\n"


def test_no_program_runs_when_an_older_pyroute2_describes_the_processor(tmp_path: Path) -> None:
    rtnl = tmp_path / "pyroute2" / "netlink" / "rtnl"
    rtnl.mkdir(parents=True)
    for folder in (rtnl, rtnl.parent, rtnl.parent.parent):
        (folder / "__init__.py").touch()
    (rtnl / "rtmsg.py").write_text("import shutil\n\nclass rtmsg:\n    uname = shutil.which('uname')\n")
    program = f"""
import os

sys.path.insert(0, {str(tmp_path)!r})
before = dict(os.environ)
print(message_classes.message_class("rtmsg").uname, os.environ == before)
"""
    assert run(program) == "None True\n"


def test_whoever_imports_pyroute2_afterwards_gets_it_whole() -> None:
    program = """
message_classes.message_class("ifinfmsg")
import pyroute2.netlink.rtnl.ifinfmsg

print(pyroute2.netlink.rtnl.ifinfmsg.ifinfmsg.__name__, hasattr(pyroute2, "IPRoute"))
assert message_classes.message_class("rtmsg") is sys.modules["pyroute2.netlink.rtnl.rtmsg"].rtmsg
"""
    assert run(program) == "ifinfmsg True\n"


def test_the_whole_package_serves_where_it_is_imported_already() -> None:
    program = """
import pyroute2

print(message_classes.message_class("ifinfmsg").__name__, len(request.encode("link", 16, 4, [("IFLA_MTU", 1500)])))
"""
    assert run(program) == "ifinfmsg 40\n"


def test_where_it_is_there_nothing_is_missing() -> None:
    assert message_classes.missing() == ""


@pytest.mark.parametrize(
    ("prefix", "advice"),
    [
        ("/usr", "Install the package python3-pyroute2, as the role cnm.linux.host does."),
        ("/opt/venv", "Install it: /opt/venv/bin/python -m pip install pyroute2."),
    ],
)
def test_where_it_is_not_there_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch, prefix: str, advice: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyroute2"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "executable", f"{prefix}/bin/python")
    assert message_classes.missing() == (
        f"The Python library pyroute2 is missing for the interpreter '{prefix}/bin/python'. {advice}"
    )


def test_one_that_cannot_be_imported_is_an_error_of_the_run() -> None:
    program = """
sys.modules["pyroute2"] = None
try:
    message_classes.message_class("ifinfmsg")
except Exception as error:
    print(type(error).__name__, error)
"""
    said = run(program)
    assert said.startswith(f"KernelRefused The Python library pyroute2 cannot be imported by '{sys.executable}': ")
