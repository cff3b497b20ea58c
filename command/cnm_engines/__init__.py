# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plugins that put the containers of engines on our networks: another front end of the core.

Each request of an engine is one run of the controller. A container is a sandbox that has adopted the namespace which
the engine hands over.
"""
