# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service of the command cnm: carries out the requests of container engines in one process that stays.

It holds no truth. Each request is a run of the controller, with the same store and under the same lock as a task of
Ansible. So the service can be killed at any time.
"""
