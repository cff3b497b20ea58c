# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host needs for the modules to run."""

from __future__ import annotations


class ModuleDocFragment:
    """Requirements and notes that the modules extend."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - Python 3.9 or newer on the managed host
  - pyroute2 0.5.14 or newer for that Python (C(python3-pyroute2) in Debian and Ubuntu)
  - nft (C(nftables) in Debian and Ubuntu)
notes:
  - The module needs root on the managed host. Use C(become) if Ansible connects as another user.
  - An option that is left out stays unchanged. A new object gets the default in the option's description. An empty list
    or dictionary means none.
  - All objects of a list are handled in one run, under one lock. This is much faster than a loop over single tasks.
  - Every run compares the wanted state with the host and repairs what differs, for example a bridge that somebody
    deleted or a firewall rule that somebody flushed. Such a repair counts as a change.
  - All problems with the options are reported together, before anything is touched. Values are checked when all options
    are known and have the right types. Options that depend on another value are checked when that value is valid.
  - In check mode, if a task refers to a network or sandbox that does not exist, this is a warning and not an error,
    because an earlier task of the playbook may be about to create it.
  - Ids are strings of 64 hexadecimal digits. Where a task refers to another object, a unique prefix of its id is
    accepted instead of its name; an ambiguous prefix is refused. The object that the task manages is identified by its
    name or its whole id.
"""

    INFO = r"""
options: {}
requirements:
  - Python 3.9 or newer on the managed host
  - pyroute2 0.5.14 or newer for that Python (C(python3-pyroute2) in Debian and Ubuntu)
notes:
  - The module needs root on the managed host. Use C(become) if Ansible connects as another user.
  - The result is always a list. If nothing matches, it is empty. On a host that has never had an object of this
    collection, it has only the predefined networks.
  - With several filters, an object is returned if it matches all of them.
"""
