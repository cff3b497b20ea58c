# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ufw on the same host, as on Ubuntu."""

from __future__ import annotations

from lab import command
from needed import needs
from playbook import ALL, Playbook, advice, web_works

pytestmark = needs("ufw", "ufw")


def test_what_the_warning_says_helps(play: Playbook) -> None:
    command("ufw --force enable")
    play.web()
    (warning,) = [each for each in play.warnings if "IPv4" in each]
    assert warning.startswith("ufw drops forwarded")
    assert web_works(play)["out"] is False
    for line in advice(warning, play.device("web")):
        command(line)
    assert web_works(play) == ALL
    assert not play.network("web").changed
    assert play.warnings == []


def test_ufw_after_us_and_again(play: Playbook) -> None:
    play.web()
    assert play.warnings == []
    command("ufw --force enable")
    assert not play.network("web").changed
    assert any("ufw drops forwarded" in each for each in play.warnings)
    for line in advice(play.warnings[0], play.device("web")):
        command(line)
    command("ufw reload")
    assert web_works(play) == ALL
    command("ufw --force disable")
    assert not play.network("web").changed
    assert play.warnings == []
    assert web_works(play) == ALL
