# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters of etcd on hosts of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from etcd_cluster import Cluster, cluster
from stand_in import Host, private


@pytest.fixture(scope="module")
def etcd() -> Iterator[Cluster]:
    """A cluster of one member, for all tests of a file; each test has keys of its own."""
    with private(), cluster() as made:
        yield made


@pytest.fixture()
def three(host: Host) -> Iterator[Cluster]:
    """A cluster of three members on one host."""
    with cluster(3) as made:
        yield made
