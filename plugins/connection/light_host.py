# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs tasks in the hosts that cnm.linux.molecule_create makes on this machine."""

from __future__ import annotations

DOCUMENTATION = r"""
name: light_host
short_description: Run tasks in a light host of this machine
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Runs tasks in a host that the playbook C(cnm.linux.molecule_create) has made for a Molecule scenario. The playbook
    tells Molecule to use this plugin, so you need not choose it yourself.
  - Tasks run as root in the host. With C(become), they run as another user.
options:
  pipelining:
    description: Whether to run a module without copying it to the host first.
    type: bool
    default: true
    vars:
      - name: ansible_pipelining
  sandbox:
    description: The sandbox whose network the host has.
    type: str
    required: true
    vars:
      - name: ansible_host
  root_command:
    description:
      - What runs a command as root on this machine, if the user who runs Ansible is not root. It cannot ask for a
        password.
    type: str
    default: sudo -n -H
    vars:
      - name: cnm_sandbox_root_command
  remote_user:
    description: The user in the host.
    type: str
    default: root
    choices:
      - root
seealso:
  - plugin: cnm.linux.sandbox
    plugin_type: connection
"""

EXAMPLES = r"""
# molecule.yml
driver:
  name: default
platforms:
  - name: web
    networks: [{name: front}]
"""

from ..plugin_utils._sandboxes.entry import in_light_host
from .sandbox import Connection as SandboxConnection


class Connection(SandboxConnection):
    """A connection to a light host of this machine."""

    transport = "cnm.linux.light_host"

    def host_connection(self) -> str:
        """Return the name of the plugin that reaches this machine."""
        return "local"

    def inside(self, command: str) -> str:
        """Return the command of this machine that runs the shell command COMMAND in the light host."""
        return in_light_host(self.get_option("sandbox"), command, self.get_option("root_command"))
