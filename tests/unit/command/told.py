# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts tell of themselves, in the format of the modules, as far as a picture shows it."""

from __future__ import annotations

from typing import Any, Dict, List


def network(name: str, subnet: str, **more: Any) -> Dict[str, Any]:
    """Return a network of one host; MORE are its other keys."""
    return {
        "Name": name,
        "Id": f"id of {name}",
        "Scope": "local",
        "Driver": "bridge",
        "IPAM": {"Config": [{"Subnet": subnet}]},
        "Internal": False,
        "Containers": {},
        "Host": {},
        **more,
    }


def overlay(name: str, subnet: str, vtep: str, *peers: Dict[str, str], **more: Any) -> Dict[str, Any]:
    """Return a network that spans the host with the address VTEP and PEERS."""
    host = {"VxlanId": 7001, "VtepAddress": vtep}
    return network(name, subnet, Scope="global", Driver="overlay", Host=host, Peers=list(peers), **more)


def sandbox(name: str, **more: Any) -> Dict[str, Any]:
    """Return a sandbox; MORE are its other keys."""
    return {"Name": name, "Id": f"id of {name}", "State": "running", "Labels": {}, **more}


def endpoint(network: str, address: str, sandbox: str = "", **more: Any) -> Dict[str, Any]:
    """Return an endpoint on NETWORK with ADDRESS, in SANDBOX; MORE are its other keys."""
    return {
        "Name": sandbox,
        "NetworkID": f"id of {network}",
        "Sandbox": sandbox,
        "SandboxID": f"id of {sandbox}" if sandbox else "",
        "MacAddress": "02:42:00:00:00:01",
        "IPv4Address": address,
        "IPv6Address": "",
        "Aliases": [],
        "InterfaceName": "eth0",
        "Ports": {},
        **more,
    }


def host(
    name: str, networks: List[Dict[str, Any]], sandboxes: List[Dict[str, Any]], endpoints: List[Dict[str, Any]]
) -> Dict[str, Any]:
    """Return what the host NAME tells."""
    return {"host": name, "networks": networks, "sandboxes": sandboxes, "endpoints": endpoints}


def example() -> List[Dict[str, Any]]:
    """Return the hosts of docs/images/picture.svg."""
    vteps = {"a": "192.0.2.11", "b": "192.0.2.12", "c": "192.0.2.13"}

    def shop(own: str, **more: Any) -> Dict[str, Any]:
        peers = [{"Name": name, "IP": address} for name, address in vteps.items() if name != own]
        return overlay("shop", "10.77.0.0/16", vteps[own], *peers, **more)

    elsewhere = {
        "ep-1": {
            "Name": "db",
            "MacAddress": "02:42:0a:4d:00:1e",
            "IPv4Address": "10.77.0.30/16",
            "IPv6Address": "",
            "Host": "c",
        }
    }
    front = network("front", "172.20.0.0/16")
    return [
        host(
            "a",
            [shop("a", Containers=elsewhere), front],
            [sandbox("www", Labels={"tier": "front"}), sandbox("cache", State="lost"), sandbox("spare")],
            [
                endpoint("shop", "10.77.0.10/16", "www", Aliases=["web"]),
                endpoint(
                    "front", "172.20.0.2/16", "www", Ports={"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}
                ),
                endpoint("shop", "10.77.0.11/16", "cache"),
            ],
        ),
        host(
            "b",
            [shop("b", Containers=elsewhere)],
            [sandbox("app"), sandbox("old", State="stopped")],
            [endpoint("shop", "10.77.0.20/16", "app"), endpoint("shop", "10.77.0.21/16", "old")],
        ),
    ]


def large(hosts: int, each: int) -> List[Dict[str, Any]]:
    """Return HOSTS, each with EACH endpoints: most of them on two of three overlays, the others on its own network."""
    told = []
    for number in range(hosts):
        vtep = f"192.0.2.{number + 1}"
        overlays = [name for at, name in enumerate(("shop", "data", "watch")) if (number + at) % 3]
        networks = [overlay(name, "10.77.0.0/16", vtep) for name in overlays] + [network("lab", "172.18.0.0/16")]
        names = [f"app-{number}-{at}" for at in range(each)]
        endpoints = [
            endpoint(networks[at % 5 // 2]["Name"], f"10.77.{number}.{at + 2}/16", name)
            for at, name in enumerate(names)
        ]
        told.append(host(f"host-{number}", networks, [sandbox(name) for name in names], endpoints))
    return told
