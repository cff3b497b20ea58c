# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulated host, which has to accept what the filters return."""

from __future__ import annotations

import pytest

from ..module_utils.conftest import pretended


@pytest.fixture
def host():
    with pretended() as made:
        yield made
