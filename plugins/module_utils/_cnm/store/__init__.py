# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store of what must be remembered: names, ids, addresses, options. It does not repeat what the kernel knows."""

from __future__ import annotations

FOLDER = "/var/lib/cnm"
"""Where the store of a host is; of mode 0700."""
