# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command lines of the verbs that change objects. Options have Docker's names."""

from __future__ import annotations

import argparse
from typing import Any, Callable

Add = Callable[..., argparse.ArgumentParser]
"""Adds a verb to the parsers of a kind: its name, its help, and more sentences for its own help."""
SAME = "accepted as in Docker; the result is the same"
_REFERENCE = "name, id or unique prefix of an id"


def add_network(verbs: Any, add: Add) -> None:
    """Add the verbs of ``cnm network`` that change something to VERBS."""
    create = _changing(add(verbs, "create", "create a network", "Its id is printed."))
    create.add_argument("name", metavar="NETWORK", help="name of the network")
    create.add_argument("-d", "--driver", help="driver of the network (default: bridge)")
    _many(create, "--subnet", "SUBNET", "subnet in CIDR notation; at most one for IPv4 and one for IPv6")
    _many(create, "--gateway", "ADDRESS", "gateway of the subnet that contains it")
    _many(create, "--ip-range", "SUBNET", "part of the subnet from which addresses are chosen")
    _many(create, "--aux-address", "NAME=ADDRESS", "address that is already in use")
    create.add_argument(
        "--ipam-driver", help="what gives endpoints their addresses: default, or dhcp for a LAN's server"
    )
    _many(create, "--opt", "KEY=VALUE", "option of the driver", "-o")
    _many(create, "--label", "KEY=VALUE", "label of the network")
    create.add_argument("--internal", action="store_true", help="isolate the network from the outside")
    create.add_argument("--ipv6", action="store_true", help="give the network IPv6 addresses, too")
    remove = _changing(add(verbs, "rm", "remove networks", aliases=["remove"]), "rm")
    _names(remove, "NETWORK")
    remove.add_argument("-f", "--force", action="store_true", help="accept that a network does not exist")
    connect = _changing(add(verbs, "connect", "put a sandbox on a network"))
    connect.add_argument("network", metavar="NETWORK", help=_REFERENCE)
    connect.add_argument("sandbox", metavar="SANDBOX", help=_REFERENCE)
    connect.add_argument("--ip", metavar="ADDRESS", help="IPv4 address (default: a free one)")
    connect.add_argument("--ip6", metavar="ADDRESS", help="IPv6 address (default: a free one)")
    _many(connect, "--alias", "NAME", "further name of the sandbox on the network")
    connect.add_argument(
        "--gw-priority", type=int, metavar="NUMBER", help="the network with the highest one gives the default route"
    )
    disconnect = _changing(add(verbs, "disconnect", "take a sandbox off a network"))
    disconnect.add_argument("network", metavar="NETWORK", help=_REFERENCE)
    disconnect.add_argument("sandbox", metavar="SANDBOX", help=_REFERENCE)
    disconnect.add_argument("-f", "--force", action="store_true", help=SAME)
    prune = _changing(
        add(
            verbs,
            "prune",
            "remove the networks that have no endpoints",
            "Unlike Docker, it leaves networks of stopped sandboxes.",
        )
    )
    prune.add_argument("-f", "--force", action="store_true", help="do not ask")
    _many(prune, "--filter", "KEY=VALUE", "remove only matching networks, see 'cnm network ls --help'")


def add_sandbox(verbs: Any, add: Add) -> None:
    """Add the verbs of ``cnm sandbox`` that change something to VERBS."""
    create = _changing(
        add(verbs, "create", "create a sandbox", "Its id is printed. It is stopped, like a container of docker create.")
    )
    create.add_argument("name", metavar="SANDBOX", help="name of the sandbox")
    _many(create, "--network", "NETWORK", "network that it is on (default: bridge)", "--net")
    _many(create, "--publish", "PORT", "port to publish, [[ADDRESS:]HOST_PORT:]PORT[/PROTOCOL]", "-p")
    create.add_argument("--ip", metavar="ADDRESS", help="IPv4 address on the network (default: a free one)")
    create.add_argument("--ip6", metavar="ADDRESS", help="IPv6 address on the network (default: a free one)")
    create.add_argument("--mac-address", metavar="ADDRESS", help="MAC address on the network")
    _many(create, "--network-alias", "NAME", "further name on the network", "--net-alias")
    create.add_argument("--hostname", metavar="NAME", help="host name in the sandbox")
    create.add_argument("--domainname", metavar="NAME", help="domain name in the sandbox")
    _many(create, "--dns", "ADDRESS", "name server of the sandbox")
    _many(create, "--dns-search", "DOMAIN", "domain in which names are searched")
    _many(create, "--dns-option", "OPTION", "option of resolv.conf", "--dns-opt")
    _many(create, "--add-host", "NAME:ADDRESS", "further entry of the hosts file")
    _many(create, "--sysctl", "KEY=VALUE", "kernel setting in the sandbox")
    _many(create, "--label", "KEY=VALUE", "label of the sandbox", "-l")
    create.add_argument("--netns", metavar="PATH", help="existing network namespace to adopt")
    for name, text, more in (
        ("start", "start sandboxes", ""),
        ("stop", "stop sandboxes", "They keep their addresses."),
        ("restart", "start sandboxes again, with new namespaces", ""),
    ):
        _names(_changing(add(verbs, name, text, more)), "SANDBOX")
    remove = _changing(add(verbs, "rm", "remove sandboxes", aliases=["remove"]), "rm")
    _names(remove, "SANDBOX")
    remove.add_argument(
        "-f", "--force", action="store_true", help="remove running ones, too, and accept that one does not exist"
    )


def add_endpoint(verbs: Any, add: Add) -> None:
    """Add the verbs of ``cnm endpoint`` that change something to VERBS."""
    create = _changing(
        add(
            verbs,
            "create",
            "create an endpoint that is in no sandbox",
            "It reserves its addresses. It stays when a sandbox that it has joined is removed. Its id is printed.",
        )
    )
    create.add_argument("network", metavar="NETWORK", help=_REFERENCE)
    create.add_argument("name", metavar="ENDPOINT", help="name of the endpoint")
    create.add_argument("--ip", metavar="ADDRESS", help="IPv4 address (default: a free one)")
    create.add_argument("--ip6", metavar="ADDRESS", help="IPv6 address (default: a free one)")
    create.add_argument("--mac-address", metavar="ADDRESS", help="MAC address")
    _many(create, "--alias", "NAME", "further name of the endpoint on the network")
    _many(create, "--publish", "PORT", "port to publish, [[ADDRESS:]HOST_PORT:]PORT[/PROTOCOL]", "-p")
    create.add_argument(
        "--gw-priority", type=int, metavar="NUMBER", help="the network with the highest one gives the default route"
    )
    join = _changing(add(verbs, "join", "put an endpoint into a sandbox"))
    leave = _changing(add(verbs, "leave", "take an endpoint out of its sandbox", "It keeps its addresses."))
    for parser in (join, leave):
        parser.add_argument("network", metavar="NETWORK", help=_REFERENCE)
        parser.add_argument("name", metavar="ENDPOINT", help="name or id of the endpoint")
    join.add_argument("sandbox", metavar="SANDBOX", help=_REFERENCE)
    remove = _changing(add(verbs, "rm", "remove endpoints of a network", aliases=["remove"]), "rm")
    remove.add_argument("network", metavar="NETWORK", help=_REFERENCE)
    remove.add_argument("names", metavar="ENDPOINT", nargs="+", help="name or id of the endpoint")


def _changing(parser: argparse.ArgumentParser, action: str = "") -> argparse.ArgumentParser:
    if action:
        parser.set_defaults(action=action)
    parser.add_argument("--dry-run", action="store_true", help="only print what would change on the host")
    parser.add_argument("--diff", action="store_true", help="print what changes on the host")
    return parser


def _names(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("names", metavar=what, nargs="+", help=_REFERENCE)


def _many(parser: argparse.ArgumentParser, option: str, value: str, text: str, *others: str) -> None:
    """Add an OPTION that may be repeated."""
    shorts = [each for each in others if not each.startswith("--")]
    longs = [each for each in others if each.startswith("--")]
    parser.add_argument(*shorts, option, *longs, action="append", default=[], metavar=value, help=text)
