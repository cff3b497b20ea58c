# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests of Docker, as dockerd 20.10 sends them."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

from cnm_engines.docker import protocol

from .conftest import Engine

NETWORK, OTHER_NETWORK = "c4a1" * 16, "0b77" * 16
KEY = "/var/run/docker/netns/afec4fd59672"
GENERIC = "com.docker.network.generic"


def endpoint_id(number: int) -> str:
    return f"{number:x}d54" * 16


class Docker:
    """A dockerd on the host of ENGINE."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def post(self, path: str, **values: Any) -> Any:
        answer = protocol.answer(path, json.dumps(values).encode(), self.engine.core, self.engine.warnings.append)
        assert answer.bug is None, answer.value
        assert answer.status == 200
        return answer.value

    def ipam(self, call: str, **values: Any) -> Any:
        value = self.post(f"/IpamDriver.{call}", **values)
        assert "Error" not in value, value
        return value

    def driver(self, call: str, **values: Any) -> Any:
        value = self.post(f"/NetworkDriver.{call}", **values)
        assert "Err" not in value, value
        return value

    def pool(self, subnet: str = "10.1.0.0/24", options: Optional[Dict[str, str]] = None, version: int = 4) -> str:
        asked = self.request_pool(subnet, options, version)
        assert "Error" not in asked, asked
        pool: str = asked["PoolID"]
        return pool

    def request_pool(
        self, subnet: str, options: Optional[Dict[str, str]] = None, version: int = 4, part: str = ""
    ) -> Any:
        return self.post(
            "/IpamDriver.RequestPool",
            AddressSpace="cnm",
            Pool=subnet,
            SubPool=part,
            Options=options or {},
            V6=version == 6,
        )

    def address(self, pool: str, wanted: str = "") -> str:
        address: str = self.ipam("RequestAddress", PoolID=pool, Address=wanted, Options=None)["Address"]
        return address

    def gateway(self, pool: str, wanted: str = "") -> Any:
        options = {"RequestAddressType": "com.docker.network.gateway"}
        return self.post("/IpamDriver.RequestAddress", PoolID=pool, Address=wanted, Options=options)

    def network(
        self,
        *subnets: str,
        gateways: Optional[List[str]] = None,
        identifier: str = NETWORK,
        internal: bool = False,
        auxiliary: Optional[Dict[str, str]] = None,
        **generic: str,
    ) -> Any:
        """Create a network with SUBNETS and the driver options GENERIC, in which __ is a dot."""
        subnets = subnets or ("10.1.0.0/24",)
        pools = [
            {"AddressSpace": "cnm", "Gateway": gateway, "Pool": subnet, "AuxAddresses": auxiliary or {}}
            for subnet, gateway in zip(subnets, gateways or [""] * len(subnets))
        ]
        options: Dict[str, Any] = {"com.docker.network.enable_ipv6": len(pools) > 1}
        options[GENERIC] = {key.replace("__", "."): text for key, text in generic.items()} or None
        if internal:
            options["com.docker.network.internal"] = True
        return self.post(
            "/NetworkDriver.CreateNetwork",
            NetworkID=identifier,
            Options=options,
            IPv4Data=[pool for pool in pools if ":" not in str(pool["Pool"])],
            IPv6Data=[pool for pool in pools if ":" in str(pool["Pool"])],
        )

    def endpoint(self, number: int, address: str = "", address6: str = "", mac: str = "", **options: str) -> Any:
        interface = {"Address": address, "AddressIPv6": address6, "MacAddress": mac}
        portmap = {"com.docker.network.portmap": [{"Proto": 6, "Port": 80, "HostPort": 8080}], **options}
        return self.post(
            "/NetworkDriver.CreateEndpoint",
            NetworkID=NETWORK,
            EndpointID=endpoint_id(number),
            Interface=interface,
            Options=portmap,
        )

    def on(self, call: str, number: int, identifier: str = NETWORK, **values: Any) -> Any:
        return self.driver(call, NetworkID=identifier, EndpointID=endpoint_id(number), **values)

    def start(self, number: int, pool: str, key: str = KEY) -> str:
        """Do what Docker does to put a container on the network; return its address."""
        address = self.address(pool)
        assert "Err" not in self.endpoint(number, address)
        self.on("Join", number, SandboxKey=key, Options={})
        return address

    def stop(self, number: int, pool: str, address: str) -> None:
        self.on("Leave", number)
        self.on("DeleteEndpoint", number)
        self.ipam("ReleaseAddress", PoolID=pool, Address=address.partition("/")[0])
