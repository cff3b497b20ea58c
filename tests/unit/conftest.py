# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pretended host with a store of its own."""

from __future__ import annotations

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.controller import Controller

from .pretend import PretendKernel


class Host:
    """A host to which the verbs are applied."""

    def __init__(self, folder):
        self.kernel = PretendKernel()
        self.folder = str(folder)
        self.warnings = []

    def controller(self, check=False):
        return Controller(self.kernel, self.warnings.append, check, self.folder)

    def ensure(self, kind, *items, check=False):
        return self.controller(check).ensure(kind, items)

    def network(self, name, check=False, **options):
        return self.ensure("network", {"name": name, **options}, check=check)

    def sandbox(self, name, check=False, **options):
        return self.ensure("sandbox", {"name": name, **options}, check=check)

    def endpoint(self, name, check=False, **options):
        return self.ensure("endpoint", {"name": name, **options}, check=check)

    def listed(self, kind):
        return {found["Name"]: found for found in self.controller().describe(kind, lambda _store, _found: True)}

    def kinds(self):
        return sorted({key[0] for key in self.kernel.present})


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path / "cnm")
