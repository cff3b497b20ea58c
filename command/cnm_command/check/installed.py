# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is installed: the kernel, Python, and programs."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import List

from _cnm.kernel.rtnl.message_classes import missing
from _cnm.kernel.system.dhcp_client import program
from _cnm.kernel.system.programs import find

from ..access import run_program
from .finding import Finding, dotted, judge, version

_KERNEL = (5, 10)
_NFT = (1, 0, 2)
_PYROUTE2 = (0, 5, 14)
_AARDVARK = ("/usr/lib/podman/aardvark-dns", "/usr/libexec/podman/aardvark-dns")


def findings() -> List[Finding]:
    """Return the findings about everything that a distribution or an administrator installs."""
    return [_kernel(), _python(), _pyroute2(), _nft(), _ip(), _util_linux(), _aardvark(), _udhcpc()]


def _older(release: str, least: "tuple[int, ...]") -> str:
    """Return the problem if RELEASE is older than LEAST; empty if it is not."""
    return "" if version(release) >= least else f"{release}, older than {dotted(least)}"


def _kernel() -> Finding:
    release = os.uname().release
    return judge("kernel", release, _older(release, _KERNEL), f"Run Linux {dotted(_KERNEL)} or newer.")


def _python() -> Finding:
    """Python is new enough, otherwise cnm.py would not have started."""
    return Finding("python", True, f"{dotted(sys.version_info[:3])} ({sys.executable})")


def _pyroute2() -> Finding:
    # Everything else starts faster and takes a megabyte less without it.
    from importlib.metadata import version as distribution_version

    lacking = missing()
    if lacking:
        return Finding("pyroute2", False, "not installed", lacking)
    release = distribution_version("pyroute2")
    advice = f"Requests to the kernel need pyroute2 {dotted(_PYROUTE2)} or newer."
    return judge("pyroute2", release, _older(release, _PYROUTE2), advice)


def _program(name: str, *arguments: str) -> "tuple[str, str]":
    """Return the output of program NAME and an empty text, or an empty text and why it cannot be run."""
    path = find(name)
    if path is None:
        return "", "not installed"
    code, output, errors = run_program([path, *arguments], None)
    text = output.strip() or errors.strip()
    return (text, "") if code == 0 else ("", f"'{name} {' '.join(arguments)}' failed with status {code}")


def _nft() -> Finding:
    text, problem = _program("nft", "-V")
    match = re.search(r"v(\d[\d.]*)", text)
    release = match[1] if match else ""
    problem = problem or _older(release or "unknown", _NFT)
    if not problem and not re.search(r"json:\s*yes", text):
        problem = f"{release}, built without JSON"
    advice = f"The rules need nft {dotted(_NFT)} or newer, with JSON: apt install nftables."
    return judge("nft", release, problem, advice)


def _ip() -> Finding:
    text, problem = _program("ip", "-V")
    advice = "'ip' is needed to test, inspect and enter networks: apt install iproute2."
    return judge("ip", dotted(version(text)) or text, problem, advice)


def _util_linux() -> Finding:
    problem = "not installed: setpriv" if find("setpriv") is None else ""
    advice = "The name server does not work without it: apt install util-linux."
    return judge("util-linux", "setpriv", problem, advice, required=False)


def _aardvark() -> Finding:
    path = find("aardvark-dns") or next((path for path in _AARDVARK if os.access(path, os.X_OK)), None)
    release = problem = ""
    if path is None:
        problem = "not installed"
    else:
        printed, problem = _program(path, "version")
        release = _aardvark_version(printed) or path
    advice = (
        "Without it names come from each sandbox's /etc/hosts and there is no DNS on the networks' gateways: "
        "apt install aardvark-dns (Debian 12, Ubuntu 24.04 and newer have it)."
    )
    return judge("aardvark-dns", release, problem, advice, required=False)


def _udhcpc() -> Finding:
    command = program()
    problem = "" if command else "not installed"
    text = ""
    if command:
        # Not every busybox has it. It prints its version with its options.
        code, output, errors = run_program([*command, "--help"], None)
        text = f"{output}{errors}"
        problem = f"'{' '.join(command)} --help' failed with status {code}" if code else ""
    advice = "Networks with ipam_driver 'dhcp' need it: apt install busybox."
    return judge("udhcpc", f"BusyBox {dotted(version(text))}".rstrip(), problem, advice, required=False)


def _aardvark_version(printed: str) -> str:
    """Return the version in aardvark-dns's output PRINTED, a JSON object; empty if there is none."""
    try:
        return str(json.loads(printed)["version"])
    except (ValueError, KeyError, TypeError):
        return dotted(version(printed))
