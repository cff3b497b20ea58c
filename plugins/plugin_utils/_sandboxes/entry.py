# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands of the host that run others as root, in a sandbox, and in a light host."""

from __future__ import annotations

import shlex

_AS_ROOT = '[ "$(id -u)" = 0 ] || exec {} "$@"; exec "$@"'
_IN_SANDBOX = """\
if [ -L "/run/cnm/namespace:run:netns:$1" ] && [ -e "/run/netns/$1" ]; then exec ip netns exec "$1" /bin/sh -c "$2"; fi
if command -v cnm >/dev/null; then exec cnm sandbox exec "$1" /bin/sh -c "$2"; fi
echo "cnm: sandbox $1 does not run on this host, or has adopted its namespace, and the command cnm is missing." >&2
exit 125"""
"""ip starts in a hundredth of the time of cnm, but does not find namespaces that were adopted."""
_IN_LIGHT_HOST = """\
if read -r pid 2>/dev/null <"/run/cnm-light-hosts/$1/pid" && [ "/proc/$pid/ns/net" -ef "/run/netns/$1" ]; then
exec nsenter --target "$pid" --mount --uts --ipc --net --pid env -i HOME=/root LANG=C.UTF-8 \
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM-dumb}" /bin/sh -c "$2"; fi
echo "cnm: the host of sandbox $1 does not run. Run molecule destroy, and molecule create." >&2
exit 125"""
FAILED = 125
"""The exit status if the sandbox or the light host cannot be entered."""


def as_root(command: str, root_command: str) -> str:
    """Return a command that runs the shell command COMMAND as root.

    :param root_command: what runs another command as root, for users who are not
    """
    return f"/bin/sh -c {shlex.quote(_AS_ROOT.format(root_command))} sh {command}"


def in_sandbox(sandbox: str, command: str, root_command: str) -> str:
    """Return a command that runs the shell command COMMAND in SANDBOX, as root."""
    return _inside(_IN_SANDBOX, sandbox, command, root_command)


def in_light_host(sandbox: str, command: str, root_command: str) -> str:
    """Return a command that runs the shell command COMMAND in the light host with the network of SANDBOX, as root."""
    return _inside(_IN_LIGHT_HOST, sandbox, command, root_command)


def _inside(script: str, sandbox: str, command: str, root_command: str) -> str:
    words = ["/bin/sh", "-c", script, "sh", sandbox, command]
    return as_root(" ".join(map(shlex.quote, words)), root_command)
