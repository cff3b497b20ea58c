# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command's packages can be imported."""

from __future__ import annotations

import sys
from pathlib import Path

# As core_path.py does.
sys.path += [str(Path(__file__).resolve().parents[3] / part) for part in ("command", "plugins/module_utils")]
