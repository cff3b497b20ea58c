# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of networks and sandboxes on the controller, for values that every host would refuse."""

from __future__ import annotations

from typing import Any, Mapping

from ...module_utils._cnm.drivers import SPANNING
from ...module_utils._cnm.model.errors import Problems, every
from ...module_utils._cnm.model.sandbox import Sandbox
from ...module_utils._cnm.verbs.context import texts
from ...module_utils._cnm.verbs.dns import name_server
from ...module_utils._cnm.verbs.membership import read, read_ports
from ...module_utils._cnm.verbs.pools import read_pool
from ...module_utils._cnm.verbs.routes import read_routes
from ...module_utils._cnm.verbs.sandbox import with_options


def check_network(problems: Problems, item: Mapping[str, Any], subject: str) -> None:
    """Add to PROBLEMS what is not valid in ITEM, a network. The subnets of an overlay are checked elsewhere."""
    for option in ("driver_options", "labels"):
        with problems.about(f"{subject}: {option}"):
            texts(item.get(option) or {})
    read_routes(problems, item.get("routes") or (), subject)
    with problems.about(f"{subject}: dns_servers"):
        every(name_server, item.get("dns_servers") or ())
    if item.get("driver") not in SPANNING:
        for entry in item.get("ipam_config") or ():
            read_pool(problems, entry, subject)


def check_sandbox(problems: Problems, item: Mapping[str, Any], subject: str) -> None:
    """Add to PROBLEMS what is not valid in ITEM, a sandbox."""
    with_options(problems, Sandbox("", str(item["name"])), item, subject)
    for entry in item.get("networks") or ():
        read(problems, entry, f"{subject} on network '{entry['name']}'")
    read_ports(problems, item.get("published_ports") or (), subject)
