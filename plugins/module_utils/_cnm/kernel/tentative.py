# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The endpoints that may be on another host by now: we restored them, and no run has named them since.

The word is from duplicate address detection (RFC 4862 section 5.4).
"""

from __future__ import annotations

import json
from typing import Dict, Mapping

from ..model.errors import CnmError
from ..private_files import make_private, read_private, remove_private, write_private

_FOLDER = "/run/cnm"
PATH = f"{_FOLDER}/tentative.json"
"""In /run, because after a boot no endpoint exists yet, and all restored ones are in doubt."""


def read() -> Dict[str, str]:
    """Return the ids of these endpoints, each with the reason why it is not here, or an empty text if it is.

    :raises CnmError: if the file cannot be read
    """
    try:
        endpoints = json.loads(read_private(PATH))
        return {str(identifier): str(why) for identifier, why in endpoints.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise CnmError(
            f"The file '{PATH}', which lists the endpoints that may be on another host, cannot be read: "
            f"{getattr(error, 'strerror', None) or error}. Move it away."
        ) from error


def write(endpoints: Mapping[str, str]) -> None:
    """Note ENDPOINTS, as read() returns them, and no others.

    :raises CnmError: if that cannot be noted
    """
    try:
        if endpoints:
            make_private(_FOLDER)
            write_private(PATH, json.dumps(dict(endpoints), sort_keys=True).encode())
        else:
            remove_private(PATH)
    except OSError as error:
        raise CnmError(f"The file '{PATH}' cannot be written: {error.strerror}.") from error
