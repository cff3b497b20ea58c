# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plugin of a container engine: ``cnm_engine.py cni`` or ``cnm_engine.py netavark ARGUMENT...``.

The service carries the request out. Without it, this process does.
"""

from __future__ import annotations

import os
import sys
import time

import cnm_client


def main(protocol: str, arguments: list[str]) -> int:
    """Print the answer to the request in ARGUMENTS, the environment and standard input; return the exit status."""
    began = time.monotonic()
    try:
        # A user may call 'info' in a terminal.
        text = sys.stdin.buffer.read() if arguments != ["info"] else b""
    except (OSError, AttributeError):
        return _alone(protocol, arguments, None)
    variables = [b"%s=%s" % pair for pair in os.environb.items() if pair[0].startswith(b"CNI_")]
    message = cnm_client.request(protocol.encode(), text, list(map(os.fsencode, arguments)), variables)
    answer, begun = cnm_client.ask(message)
    if not answer:
        return _alone(protocol, arguments, text, begun, time.monotonic() - began)
    status, output, errors = answer
    sys.stderr.buffer.write(errors)
    sys.stdout.buffer.write(output)
    sys.stdout.flush()
    return int(status)


def _alone(protocol: str, arguments: list[str], text: bytes | None, repeated: bool = False, waited: float = 0.0) -> int:
    """Carry the request out in this process.

    :param text: standard input; None if it cannot be read
    :param repeated: whether the service has begun with the request
    :param waited: seconds that the request has waited for the service
    """
    if sys.flags.no_site:
        import site

        site.main()
    import core_path

    core_path.add()
    from cnm_engines.main import answer
    from cnm_engines.request import Request

    read = sys.stdin.buffer.read if text is None else lambda: text
    return answer(Request(protocol, arguments, os.environ, read, repeated), waited)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
