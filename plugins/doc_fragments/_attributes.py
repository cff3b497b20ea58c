# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module promises: check mode, diff mode, idempotence, platform, action group."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes that the modules extend."""

    DOCUMENTATION = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/cnm.linux.cnm) in C(module_defaults) to set options for all modules of this collection
      except M(cnm.linux.topology), which takes none.
    support: full
    membership:
      - cnm.linux.cnm
  platform:
    description: The systems that the module can manage.
    support: full
    platforms: linux
"""

    ALONE = r"""
options: {}
attributes:
  action_group:
    description: The task takes no options, so C(group/cnm.linux.cnm) in C(module_defaults) sets none for it.
    support: N/A
    membership: []
  platform:
    description: The systems that the module can manage.
    support: full
    platforms: linux
"""

    CHANGES = r"""
options: {}
attributes:
  check_mode:
    description: Returns what would change, and what the result would be, without touching the host.
    support: full
  diff_mode:
    description: Shows the changes on the host and in the store. In check mode, shows the changes that a run would make.
    support: full
  idempotent:
    description: Changes nothing if the host is already in the wanted state.
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Changes nothing, so it behaves the same with and without check mode.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: N/A
  idempotent:
    description: Changes nothing, however often it runs.
    support: full
"""
