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
  - nft (C(nftables) in Debian and Ubuntu)
notes:
  - The module needs root on the managed host. Use C(become) where Ansible connects as another user.
  - Left out means unchanged. An option that is not given keeps the value that the object has, and a new object gets
    the default that the option's description names. An empty list or dictionary means none.
  - All objects of a list are handled in one run, under one lock. This is far faster than a loop over single tasks.
  - Every run compares the wanted state with the host and repairs what differs, for example a bridge that somebody
    deleted or a firewall rule that somebody flushed. Such a repair counts as a change.
  - All problems with the options are reported together, before anything is touched. Values are looked at when all
    options are known and of their types, and what depends on a value when that is right.
  - In check mode, a network or sandbox that does not exist is a warning and not an error where a task names it as a
    parent, since an earlier task of the playbook may be the one that makes it.
  - Ids are strings of 64 hexadecimal digits. Where a task refers to another object, a unique prefix of its id is
    accepted in place of its name, and an ambiguous prefix is refused. The object that the task is about is named by
    its name or its whole id.
"""

    INFO = r"""
options: {}
requirements:
  - Python 3.9 or newer on the managed host
notes:
  - The module needs root on the managed host. Use C(become) where Ansible connects as another user.
  - The answer is always a list. It is empty where nothing matches, and also on a host that has never had an object of
    this collection, apart from the predefined networks.
  - Several filters narrow the answer. An object is returned if it matches all of them.
"""
