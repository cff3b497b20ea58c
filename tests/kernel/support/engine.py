# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the plugins, as engines make them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from stand_in import Host

COMMAND = Path(__file__).resolve().parents[3] / "command"
FOLDER = "/run/netns"


class Plugins:
    """Both plugins on HOST, called as processes."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def namespace(self, name: str) -> str:
        """Make the namespace NAME, as an engine does for a container; return its path."""
        self.host.out(["ip", "netns", "add", name])
        return f"{FOLDER}/{name}"

    def process(self, command: str, container: str, ifname: str = "eth0", **more: Any) -> "subprocess.Popen[str]":
        """Begin a call of the CNI plugin for CONTAINER, whose namespace has its name unless MORE has a ``netns``."""
        variables = {
            "COMMAND": command,
            "CONTAINERID": f"id-{container}",
            "NETNS": more.pop("netns", f"{FOLDER}/{container}"),
            "IFNAME": ifname,
            "ARGS": f"IgnoreUnknown=1;K8S_POD_NAME={container}",
            "PATH": "/opt/cni/bin",
        }
        program = more.pop("program", [sys.executable, str(COMMAND / "cnm_engine.py"), "cni"])
        started = subprocess.Popen(
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **{f"CNI_{name}": text for name, text in variables.items()}},
        )
        assert started.stdin is not None
        started.stdin.write(json.dumps({"cniVersion": "1.1.0", "name": "n", "type": "cnm", **more}))
        started.stdin.close()
        started.stdin = None
        return started

    def call(self, command: str, container: str, ifname: str = "eth0", **more: Any) -> tuple[int, Any]:
        """Call the CNI plugin; return its status, and the JSON that it prints."""
        done = self.process(command, container, ifname, **more)
        output, errors = done.communicate(timeout=300)
        assert "Traceback" not in errors, errors
        return done.returncode, json.loads(output) if output else None

    def done(self, command: str, container: str, ifname: str = "eth0", **more: Any) -> Any:
        """Call the CNI plugin, which has to succeed; return what it prints."""
        status, output = self.call(command, container, ifname, **more)
        assert status == 0, output
        return output

    def netavark(self, *arguments: str, **values: Any) -> tuple[int, Any]:
        """Call the netavark plugin; return its status, and the JSON that it prints."""
        program = [sys.executable, str(COMMAND / "cnm_engine.py"), "netavark", *arguments]
        done = self.host.run(program, stdin=json.dumps(values))
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else None
