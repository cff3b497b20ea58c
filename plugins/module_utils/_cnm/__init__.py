# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The core. If it comes in a zip file, as Ansible sends it, the rest of it is loaded by `loader`."""

from __future__ import annotations

import gc
from zipimport import zipimporter

_archive: object = __spec__.loader
if isinstance(_archive, zipimporter):
    from .loader import install

    install(__name__, __path__[0], _archive)
    # This process is one task. Looking for unreachable objects takes up to a fifth of it and frees next to nothing.
    gc.disable()
