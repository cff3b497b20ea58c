# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The front ends in command/, which use the core that the tests import."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from engine import COMMAND

from ansible_collections.cnm.linux.plugins.module_utils import _cnm


def use() -> None:
    """Let the front ends be imported. To them, the core is the package ``_cnm``."""
    sys.path.append(str(COMMAND))
    sys.modules["_cnm"] = _cnm
    for module in pkgutil.walk_packages(_cnm.__path__, f"{_cnm.__name__}."):
        try:
            sys.modules[f"_cnm{module.name[len(_cnm.__name__) :]}"] = importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            # Front ends do not use the files that need Ansible, which managed hosts do not have.
            if str(error.name).partition(".")[0] != "ansible":
                raise
