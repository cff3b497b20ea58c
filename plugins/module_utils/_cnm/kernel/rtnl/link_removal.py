# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removes links, all of a namespace in one send."""

from __future__ import annotations

from typing import Dict, List, Sequence

from ...model.errors import CnmError
from ...resources.link import Link
from ...resources.resource import HOST
from ..namespace import Namespaces
from ..refusals import Change, carry_out
from .interface import GONE, LEAVING
from .link_requests import deletion, setting


def remove(namespaces: Namespaces, links: Sequence[Link]) -> List[CnmError]:
    """Remove LINKS and return the errors. A veth pair is removed by its end on the host, so one send is enough."""
    errors: List[CnmError] = []
    names: Dict[str, Dict[str, str]] = {}
    for link in links:
        namespace, name = (HOST, link.peer.name) if link.peer else (link.namespace, link.name)
        names.setdefault(namespace, {})[name] = str(link)
    for namespace, leaving in names.items():
        socket = namespaces.find(namespace)
        if socket:
            errors += carry_out(socket, _removals(leaving))
    return errors


def _removals(leaving: Dict[str, str]) -> List[Change]:
    """Return the changes that remove the interfaces LEAVING, given as descriptions by name.

    If they were removed one by one, each would wait for an RCU grace period, some 20 ms. The kernel removes a device
    group as a whole.
    """
    if len(leaving) == 1:
        return [Change(f"remove {what}", deletion("IFLA_IFNAME", name), GONE) for name, what in leaving.items()]
    changes = [
        Change(f"remove {what}", setting(name, [("IFLA_GROUP", LEAVING)]), GONE) for name, what in leaving.items()
    ]
    return [*changes, Change("remove links", deletion("IFLA_GROUP", LEAVING), GONE)]
