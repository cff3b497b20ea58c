# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of ``cnm graph`` in a browser, and the commands of docs/picture.md."""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
from selenium import webdriver

ROOT = Path(__file__).resolve().parents[2]
CNM = f"{shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'command' / 'cnm.py'))}"
HOSTILE = "</script><script>document.title = 'run'</script><b>\"&"

sys.path.append(str(ROOT / "tests" / "unit" / "command"))
import told


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser with the page of 30 hosts with 600 endpoints."""
    program = shutil.which("chromedriver")
    if program is None:
        pytest.skip("chromedriver is missing; tests/unit/command/test_graph.py looks at the page without a browser")
    folder = tmp_path_factory.mktemp("page")
    hosts = told.large(30, 20)
    last = hosts[-1]
    last["sandboxes"][0]["Labels"]["note"] = HOSTILE
    last["endpoints"].append(told.endpoint("lab", "172.18.0.2/16", "app-29-0", IPv6Address="fd00::2/64"))
    (folder / "hosts.json").write_text(json.dumps(hosts), encoding="utf-8")
    page = folder / "picture.html"
    with page.open("wb") as file:
        command = f"{CNM} graph --format html {folder / 'hosts.json'}"
        subprocess.run(shlex.split(command), stdout=file, check=True)
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1300,900"):
        options.add_argument(argument)
    service = webdriver.ChromeService(program)
    driver = webdriver.Chrome(options, service)
    driver.get(page.as_uri())
    yield driver
    driver.quit()


def find(browser: Any, selector: str) -> list[Any]:
    return browser.find_elements("css selector", selector)


def search(browser: Any, words: str) -> list[str]:
    """Type WORDS and Enter; return what is listed."""
    (field,) = find(browser, "#words")
    field.clear()
    field.send_keys(f"{words}\n")
    return [item.text for item in find(browser, "#found li")]


def card(browser: Any, cell: Any) -> str:
    """Return what the page shows when the mouse is on CELL."""
    webdriver.ActionChains(browser).move_to_element(cell).perform()
    return find(browser, "#card")[0].text


def is_visible(browser: Any, element: Any) -> bool:
    """Whether ELEMENT is in the window, as it is scrolled now."""
    inside = (
        "const box = arguments[0].getBoundingClientRect(), picture = document.getElementById('picture')"
        ".getBoundingClientRect(); return box.left >= picture.left && box.right <= picture.right && box.top >= 0 && "
        "box.bottom <= picture.bottom"
    )
    return browser.execute_script(inside, element)


def test_a_search_finds_a_sandbox_and_shows_it(browser: Any) -> None:
    assert search(browser, "app-17-5") == ["app-17-5\nhost-17, 10.77.17.7"]
    assert find(browser, "#count")[0].text == "1 of 600"
    matches = find(browser, ".match")
    assert [match.text for match in matches] == ["app-17-5", "10.77.17.7"]
    assert all(is_visible(browser, match) for match in matches)
    assert search(browser, "no-such-sandbox") == []


def test_all_words_of_a_search_have_to_match(browser: Any) -> None:
    assert len(search(browser, "host-17 lab")) == 4
    assert search(browser, "10.77.3.4 host-3") == ["app-3-2\nhost-3, 10.77.3.4"]


def test_the_mouse_on_a_sandbox_shows_all_its_addresses(browser: Any) -> None:
    search(browser, "app-29-0")
    shown = card(browser, find(browser, ".match")[0])
    assert shown.startswith("app-29-0 on host-29\n")
    for address in ("10.77.29.2", "172.18.0.2, fd00::2", "02:42:00:00:00:01"):
        assert address in shown


def test_what_users_write_is_shown_and_not_run(browser: Any) -> None:
    search(browser, "document.title")
    assert HOSTILE in card(browser, find(browser, ".match")[0])
    assert browser.title == "Container networks"
    assert browser.get_log("browser") == []


def test_the_commands_of_the_documentation(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "picture.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    script = "\n".join(line[2:] for line in blocks.splitlines() if line.startswith(("# ", "$ ")))
    program = tmp_path / "cnm"
    program.write_text(f'#!/bin/sh\nexec {CNM} "$@"\n')
    program.chmod(0o755)
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
    (tmp_path / "inventory").write_text(json.dumps({"all": {"hosts": {"one": local, "two": local}}}))
    environment = {
        **os.environ,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache"),
        "PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    command = [str(ROOT / "tests" / "private-host"), "bash", "-euxc", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0.0.0.0:8080->80/tcp" in html.unescape((tmp_path / "picture.svg").read_text())
    written = [f"picture.{name}" for name in ("dot", "html", "json", "svg")]
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == written
    for name in written:
        drawn = (tmp_path / "pictures" / name).read_text()
        assert all(each in drawn for each in ("one", "two", "www"))
