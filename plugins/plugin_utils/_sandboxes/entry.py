# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands of the host that run others as root, and in a sandbox."""

from __future__ import annotations

import shlex

_AS_ROOT = '[ "$(id -u)" = 0 ] || exec {} "$@"; exec "$@"'
_IN_SANDBOX = """\
if [ -L "/run/cnm/namespace:run:netns:$1" ] && [ -e "/run/netns/$1" ]; then exec ip netns exec "$1" /bin/sh -c "$2"; fi
if command -v cnm >/dev/null; then exec cnm sandbox exec "$1" /bin/sh -c "$2"; fi
echo "cnm: sandbox $1 does not run on this host, or has adopted its namespace, and the command cnm is missing." >&2
exit 125"""
"""ip starts in a hundredth of the time of cnm, but does not find namespaces that were adopted."""
FAILED = 125
"""The exit status if the sandbox cannot be entered."""


def as_root(command: str, root_command: str) -> str:
    """Return a command that runs the shell command COMMAND as root.

    :param root_command: what runs another command as root, for users who are not
    """
    return f"/bin/sh -c {shlex.quote(_AS_ROOT.format(root_command))} sh {command}"


def in_sandbox(sandbox: str, command: str, root_command: str) -> str:
    """Return a command that runs the shell command COMMAND in SANDBOX, as root."""
    words = ["/bin/sh", "-c", _IN_SANDBOX, "sh", sandbox, command]
    return as_root(" ".join(map(shlex.quote, words)), root_command)
