# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``cnm``: another front end of the core, for people at a terminal and for the boot."""

from __future__ import annotations

VERSION = "0.1.0"
