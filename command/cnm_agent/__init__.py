# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells the other hosts of overlays, through etcd, which endpoints are here, and stores what they tell.

It is for networks whose driver option ``cnm.overlay.control`` is ``etcd``, and for the names of those whose option
``cnm.overlay.names`` is. Like the service, in which it runs, it holds no truth: what it publishes is in the store, and
what it has learnt is stored by runs of the controller.
"""
