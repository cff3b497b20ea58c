# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``sandbox create``, ``rm``, ``start``, ``stop`` and ``restart``, with what Docker's options mean for containers."""

from __future__ import annotations

from argparse import Namespace
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Union

from _cnm.controller import Groups
from _cnm.model.network import DEFAULT
from _cnm.model.sandbox import Sandbox
from _cnm.store.objects import SqliteStore

from . import changes
from .changes import given, pairs
from .errors import Failure


def create(options: Namespace) -> int:
    """Create a sandbox that is stopped, and print its id; return the exit status.

    :raises Failure: if there is one with that name, or if an address is for more than one network
    """
    item = {
        "name": options.name,
        "state": "stopped",
        "networks": _networks(options),
        **given(
            netns=options.netns,
            hostname=options.hostname,
            domainname=options.domainname,
            dns_servers=options.dns,
            dns_search_domains=options.dns_search,
            dns_opts=options.dns_option,
            etc_hosts=pairs(options.add_host, "--add-host", ":"),
            sysctls=pairs(options.sysctl, "--sysctl"),
            published_ports=options.publish,
            labels=pairs(options.label, "--label"),
        ),
    }

    def choose(store: SqliteStore) -> Groups:
        if store.sandbox_named(options.name) is not None:
            raise Failure(f"sandbox with name {options.name} already exists")
        return [("sandbox", [item])]

    return changes.create(options, choose)


def _networks(options: Namespace) -> Sequence[Mapping[str, Union[str, List[str]]]]:
    """Return the networks of a new sandbox, and what it is to have there."""
    there = given(
        ipv4_address=options.ip,
        ipv6_address=options.ip6,
        mac_address=options.mac_address,
        aliases=options.network_alias,
    )
    names = options.network or [DEFAULT]
    if there and len(names) > 1:
        raise Failure(
            "addresses and aliases are for one network. Create the sandbox on it, and put it on the others with "
            "'cnm network connect'."
        )
    return [{"name": name, **there} for name in names]


def start(options: Namespace) -> int:
    """Start sandboxes and print their names; return the exit status."""
    return _bring(options, "present")


def stop(options: Namespace) -> int:
    """Stop sandboxes and print their names; return the exit status. They keep their addresses."""
    return _bring(options, "stopped")


def restart(options: Namespace) -> int:
    """Create the namespaces of sandboxes again, and print their names; return the exit status."""
    return _bring(options, "restarted")


def remove(options: Namespace) -> int:
    """Remove sandboxes and print their names; return the exit status, 1 if one is running and not forced."""
    return _bring(options, "absent", force=options.force)


def _bring(options: Namespace, state: str, force: Optional[bool] = None) -> int:
    """Bring each of the sandboxes that OPTIONS name into STATE.

    :param force: whether a running one may be removed
    """

    def bring(name: str) -> None:
        def choose(store: SqliteStore) -> Groups:
            if force and store.find_sandbox(name) is None:
                return []
            sandbox: Sandbox = changes.sandbox(store, name)
            if force is False and sandbox.running:
                raise Failure(f"sandbox {name} is running. Stop it first, or remove it with --force.")
            item: Dict[str, str] = {"name": sandbox.name, "state": state}
            return [("sandbox", [item])]

        changes.carry_out(options, choose)

    return changes.one_by_one(options.names, bring)


VERBS: Mapping[str, Callable[[Namespace], int]] = {
    "create": create,
    "rm": remove,
    "start": start,
    "stop": stop,
    "restart": restart,
}
