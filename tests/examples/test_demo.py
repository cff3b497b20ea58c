# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks of ``make demo`` and ``make demo-down``, on a private host."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
# On a private host, these are mount points, which cannot be removed.
umount /etc/netns /run/netns /run/cnm /var/lib/cnm
rm -rf /etc/netns /run/netns /run/cnm /var/lib/cnm /usr/local/share/man/man1
find /usr/local /etc /var/lib >before
play() { "$PLAYBOOK" --inventory "$PLAYBOOKS/inventory/localhost.ini" "$PLAYBOOKS/$1.yml"; }
play demo
cnm doctor client web 80
play demo_down
test -z "$(ip netns)" && test ! -e /run/netns
find /usr/local /etc /var/lib | diff before -
"""


def test_the_demo_runs_and_leaves_nothing(tmp_path: Path) -> None:
    playbook = Path(sys.executable).with_name("ansible-playbook")
    values = [f"PLAYBOOK={playbook}", f"PLAYBOOKS={ROOT}/playbooks", "ANSIBLE_NOCOLOR=1", "ANSIBLE_FORCE_COLOR=0"]
    command = ["env", *values, str(ROOT / "tests" / "private-host"), "bash", "-euxo", "pipefail", "-c", SCRIPT]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    # Ansible's word for a wait, which looks like a failure.
    assert "RETRYING" not in done.stdout
