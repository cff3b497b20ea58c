# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from ansible.plugins.loader import init_plugin_loader

# So that Python finds collections where Ansible finds them.
init_plugin_loader()

pytest_plugins = ["ansible_collections.cnm.linux.extensions.testinfra.fixtures"]
