# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""FRR on hosts of a fleet: BGP EVPN, with the first host as the route reflector of the others."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fleet import Fleet, Member
from needed import needs

_PROGRAMS = Path("/usr/lib/frr")
_FOLDER = Path("/run/frr-of-test")
_DAEMONS = ("zebra", "bfdd", "bgpd")
"""In the order in which they start."""

needs_frr = needs("frr", *(str(_PROGRAMS / name) for name in _DAEMONS), "vtysh")


class Frr:
    """The daemons of MEMBER, which has PEERS; PASSES_ON if it is their route reflector."""

    def __init__(self, member: Member, peers: Sequence[Member], passes_on: bool) -> None:
        self.member = member
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        own = member.vtep[4]
        lines = [
            f"hostname {member.name}",
            "router bgp 65000",
            f" bgp router-id {own}",
            " no bgp default ipv4-unicast",
            " neighbor all peer-group",
            " neighbor all remote-as 65000",
            " neighbor all bfd",
            " neighbor all timers 1 3",
            " neighbor all timers connect 1",
            *(f" neighbor {peer.vtep[4]} peer-group all" for peer in peers),
            " address-family l2vpn evpn",
            "  neighbor all activate",
            *(["  neighbor all route-reflector-client"] if passes_on else []),
            "  advertise-all-vni",
            " exit-address-family",
        ]
        with member.here():
            _FOLDER.mkdir()
            (_FOLDER / "frr.conf").write_text("\n".join(lines) + "\n")
            shutil.chown(_FOLDER, "frr", "frr")

    def start(self, *names: str) -> None:
        """Start the daemons with these NAMES, or all."""
        for name in names or _DAEMONS:
            options = {
                "config_file": _FOLDER / "frr.conf",
                "pid_file": _FOLDER / f"{name}.pid",
                "socket": _FOLDER / "zserv.api",
                "vty_socket": _FOLDER,
                "vty_port": 0,
                "log": f"file:{_FOLDER}/{name}.log",
            }
            if name == "bgpd":
                options["listenon"] = self.member.vtep[4]
            if name == "bfdd":
                options["bfdctl"] = _FOLDER / "bfdd.sock"
            argv = [str(_PROGRAMS / name), *(f"--{option}={value}" for option, value in options.items())]
            with self.member.here(), open(_FOLDER / f"{name}.out", "ab") as out:
                self._processes[name] = subprocess.Popen(argv, stdout=out, stderr=out)

    def end(self, *names: str, by: signal.Signals = signal.SIGKILL) -> None:
        """End the daemons with these NAMES, or all."""
        for name in names or _DAEMONS[::-1]:
            process = self._processes.pop(name, None)
            if process is not None:
                process.send_signal(by)
                process.wait(30)

    @property
    def pids(self) -> list[int]:
        """The pids of the daemons that run."""
        return [process.pid for process in self._processes.values()]

    def size(self) -> dict[str, int]:
        """Return the memory of each daemon, in KiB."""
        sizes = {}
        for name, process in self._processes.items():
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    sizes[name] = int(line.split()[1])
        return sizes

    def shown(self, command: str) -> Any:
        """Return what FRR shows, as it is in JSON."""
        done = self.member.run("vtysh", "--vty_socket", str(_FOLDER), "-c", f"show {command} json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else {}


@contextmanager
def running(fleet: Fleet) -> Iterator[list[Frr]]:
    """Yield the daemons of each host of FLEET, which run."""
    first, *others = fleet.members
    made = [Frr(first, others, True), *(Frr(member, [first], False) for member in others)]
    try:
        for each in made:
            each.start()
        yield made
    finally:
        for each in made:
            each.end()
