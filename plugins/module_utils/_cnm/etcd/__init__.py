# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client of etcd, 3.4 or newer, through its JSON gateway (``/v3/``), with Python's standard library alone.

``client.Client`` reads and writes, ``watch.Watch`` follows what others write, and ``claims.claim`` takes keys that only
one host may have. ``layout`` has the keys that hosts share, and ``connection.Connection`` is what a run uses.
"""
