# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs tasks in a sandbox, over any connection to its host."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sandbox
short_description: Run tasks in a sandbox of a host
version_added: 0.1.0
author:
  - cnm.linux developers (@cnm-linux)
description:
  - Runs tasks in a sandbox that M(cnm.linux.cnm_sandbox) has made. It reaches the sandbox's host with another
    connection plugin, and enters the sandbox there.
  - The variables of the host in the inventory that stands for the sandbox also configure that other plugin. So give it
    the C(ansible_host), C(ansible_user) and so on of the sandbox's host. The inventory plugin
    P(cnm.linux.sandboxes#inventory) does this.
  - Tasks run as root in the sandbox. With C(become), they run as another user.
  - A sandbox has its own interfaces, routes, rules, C(/etc/hosts) and C(/etc/resolv.conf). Files, processes, users and
    services are the host's. So M(ansible.builtin.copy) copies to the host, and M(ansible.builtin.systemd_service)
    starts services on the host, outside of the sandbox.
  - Networks and sandboxes are managed on the host. M(cnm.linux.topology) skips sandboxes.
  - The host must have the program C(ip). For a sandbox that has adopted its namespace, it must have the command C(cnm)
    of the role C(cnm.linux.host).
extends_documentation_fragment:
  - ansible.builtin.connection_pipelining
options:
  sandbox:
    description: The name of the sandbox.
    type: str
    required: true
    vars:
      - name: cnm_sandbox
  host_connection:
    description: The connection plugin that reaches the sandbox's host.
    type: str
    default: ssh
    vars:
      - name: cnm_sandbox_connection
  root_command:
    description:
      - What runs a command as root on the sandbox's host, if the user who logs in there is not root. It cannot ask for
        a password.
    type: str
    default: sudo -n -H
    vars:
      - name: cnm_sandbox_root_command
  remote_user:
    description: The user in the sandbox. The C(ansible_user) logs in to the sandbox's host.
    type: str
    default: root
    choices:
      - root
seealso:
  - plugin: cnm.linux.sandboxes
    plugin_type: inventory
  - module: cnm.linux.cnm_sandbox
"""

EXAMPLES = r"""
- name: Sandbox www of this host
  ansible.builtin.add_host:
    name: www
    ansible_connection: cnm.linux.sandbox
    cnm_sandbox: www
    cnm_sandbox_connection: local

- name: Show the interfaces of the sandbox
  ansible.builtin.command: ip -brief address
  delegate_to: www
  changed_when: false
"""

import os
import shlex
from typing import Any, Optional, Tuple

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.connection import ConnectionBase, ensure_connect
from ansible.plugins.loader import connection_loader

from ..plugin_utils._sandboxes.entry import FAILED, in_sandbox

_BLOCK = 65536


class Connection(ConnectionBase):
    """A connection to a sandbox through another connection, to its host."""

    transport = "cnm.linux.sandbox"
    has_pipelining = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ssh_type_conn: Any = None
        """The connection to the host. Ansible gives the plugin of this name its options from the same variables."""

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        """Set the options of this plugin, and load the plugin that reaches the host."""
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)
        name = self.host_connection()
        if self.ssh_type_conn is not None and self.ssh_type_conn._load_name == name:
            return
        self.close()
        self.ssh_type_conn = connection_loader.get(name, self._play_context, os.devnull, shell=self._shell)
        if self.ssh_type_conn is None:
            raise AnsibleError(f"the connection plugin '{name}' was not found")

    def host_connection(self) -> str:
        """Return the name of the plugin that reaches the host."""
        return str(self.get_option("host_connection"))

    def inside(self, command: str) -> str:
        """Return the command of the host that runs the shell command COMMAND in the sandbox."""
        return in_sandbox(self.get_option("sandbox"), command, self.get_option("root_command"))

    def _connect(self) -> Connection:
        self.ssh_type_conn._connect()
        self._connected = True
        return self

    @ensure_connect
    def exec_command(
        self, cmd: str, in_data: Optional[bytes] = None, sudoable: bool = True
    ) -> Tuple[int, bytes, bytes]:
        """Run CMD in the sandbox; return its exit status and both outputs.

        :raises AnsibleConnectionFailure: if the sandbox cannot be entered
        """
        command = self.inside(to_text(cmd))
        # It asks for the password of become in the sandbox.
        self.ssh_type_conn.set_become_plugin(self.become)
        status, output, errors = self.ssh_type_conn.exec_command(command, in_data=in_data, sudoable=sudoable)
        if status == FAILED:
            # With a terminal, errors are among the output.
            for line in to_text(errors + output).splitlines():
                if line.startswith("cnm: "):
                    raise AnsibleConnectionFailure(line[len("cnm: ") :])
        return status, output, errors

    @ensure_connect
    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy the file IN_PATH of the controller to OUT_PATH, which the sandbox sees."""
        with open(to_bytes(in_path), "rb") as file:
            contents = file.read()
        target = shlex.quote(out_path)
        # A connection without input may leave the input open.
        command = f"dd of={target} bs={_BLOCK}" if contents else f": >{target}"
        self._transfer(command, contents or None, f"copy {in_path} to {out_path}")

    @ensure_connect
    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy the file IN_PATH, as the sandbox sees it, to OUT_PATH on the controller."""
        contents = self._transfer(f"dd if={shlex.quote(in_path)} bs={_BLOCK}", None, f"copy {in_path} to {out_path}")
        with open(to_bytes(out_path), "wb") as file:
            file.write(contents)

    def _transfer(self, command: str, contents: Optional[bytes], purpose: str) -> bytes:
        status, output, errors = self.exec_command(command, in_data=contents, sudoable=False)
        if status != 0:
            raise AnsibleError(f"failed to {purpose} in sandbox {self.get_option('sandbox')}: {to_text(errors)}")
        return output

    def reset(self) -> None:
        """Close the connection to the host, so that the next task connects again."""
        if self._connected:
            self.ssh_type_conn.reset()
            self._connected = False

    def close(self) -> None:
        """Close the connection to the host."""
        if self.ssh_type_conn is not None:
            self.ssh_type_conn.close()
        self._connected = False
