# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of etcd that may be there although the store does not want them. The file is beside the store.

A run notes what it is about to claim, and what it gives up, before it does either. So neither a run that is killed nor
an etcd that does not answer leaves a claim behind that nobody knows of.
"""

from __future__ import annotations

import json
import os
from typing import Dict, Mapping

from ..model.errors import CnmError, StoreDamaged
from ..private_files import read_private, remove_private, write_private

NAME = "surplus.json"


def path(folder: str) -> str:
    """Return the path of the file in FOLDER."""
    return os.path.join(folder, NAME)


def read(folder: str) -> Dict[str, str]:
    """Return the keys, each with the value that it has if it is ours.

    :raises StoreDamaged: if the file is not as we have written it
    """
    try:
        return {str(key): str(text) for key, text in json.loads(read_private(path(folder))).items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreDamaged(f"The file '{path(folder)}' cannot be read: {error.strerror}. Move it away.") from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise StoreDamaged(
            f"The file '{path(folder)}', which has what is to be removed from etcd, is damaged ({error}). It was left "
            "as it is. Move it away; addresses that this host has given up may stay taken."
        ) from error


def write(folder: str, values: Mapping[str, str]) -> None:
    """Keep VALUES, and nothing else. Without any, there is no file.

    :raises CnmError: if they cannot be written
    """
    try:
        if values:
            write_private(path(folder), json.dumps(dict(values)).encode(), durable=True)
        else:
            remove_private(path(folder))
    except OSError as error:
        raise CnmError(f"The file '{path(folder)}' cannot be written: {error.strerror}.") from error
