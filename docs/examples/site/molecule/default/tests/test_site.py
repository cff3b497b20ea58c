# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest


def test_each_server_has_its_page(sandbox):
    assert sandbox("web").file("/srv/site/index.html").content_string == "This is web.\n"
    assert sandbox("db").file("/srv/site/index.html").content_string == "This is db.\n"
    assert not sandbox("client").file("/srv/site").exists


def test_the_client_reaches_the_web_server_and_nothing_else(can_reach, resolves):
    assert resolves("client", "web")
    assert can_reach("client", "web", 80)
    assert not resolves("client", "db")
    assert not can_reach("client", "web", 5432)


def test_the_web_server_reaches_the_database(can_reach, resolves):
    assert resolves("web", "db")
    assert can_reach("web", "db", 5432)


def test_the_database_is_gone_while_the_network_is_cut(can_reach, partition):
    with partition("web", "db"):
        assert not can_reach("web", "db", 5432, seconds=1)
        assert not can_reach("db", "web", seconds=1)
        assert can_reach("client", "web", 80)
    assert can_reach("web", "db", 5432)


def test_a_slow_database(can_reach, impaired):
    with impaired("db", "delay 1500ms"):
        assert not can_reach("web", "db", 5432, seconds=1)
    assert can_reach("web", "db", 5432)


@pytest.mark.parametrize("name", ["client", "web", "db"])
def test_each_host_has_a_name_and_processes_of_its_own(sandbox, name):
    assert sandbox(name).check_output("hostname") == name
    assert "molecule" not in sandbox(name).check_output("ps -e -o args")
