# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks that Docker is to know."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from _cnm.controller import Result
from _cnm.engines import docker as docker_engine
from _cnm.engines import ensure_all
from _cnm.model.errors import CnmError, InvalidInput

from .conftest import Engine
from .docker_requests import Docker
from .dockerd import Dockerd

OWN = {"Id": "0b0b" * 16, "Name": "bridge", "Driver": "bridge", "Internal": False, "IPAM": {"Config": None}}


class Networks(Dockerd):
    """Asks the drivers of DOCKER as dockerd does when a network is created or removed."""

    def __init__(self, path: str, docker: Docker) -> None:
        super().__init__(path)
        self._docker = docker
        self.present: List[Dict[str, Any]] = [dict(OWN)]
        self.inside: Dict[str, str] = {}
        """The names of the containers that are on all networks, by id."""
        self._made = 0

    def post(self, path: str, body: Dict[str, Any]) -> str:
        if path.endswith("/disconnect"):
            del self.inside[body["Container"]]
            return ""
        ipam = body["IPAM"]
        subnets = [each["Subnet"] for each in ipam["Config"]]
        for subnet in subnets:
            asked = self._docker.request_pool(subnet, ipam["Options"], 6 if ":" in subnet else 4)
            if "Error" in asked:
                return str(asked["Error"])
            self._docker.gateway(asked["PoolID"])
        self._made += 1
        identifier = f"{self._made:04x}" * 16
        generic = {key.replace(".", "__"): value for key, value in body["Options"].items()}
        answer = self._docker.network(*subnets, identifier=identifier, internal=body["Internal"], **generic)
        if not answer.get("Err"):
            self.add({**body, "Id": identifier})
        return str(answer.get("Err", ""))

    def add(self, network: Dict[str, Any]) -> None:
        self.present.append(network)
        self.refresh()

    def delete(self, path: str) -> str:
        identifier = path.rpartition("/")[2]
        if self.inside:
            return "it has active endpoints"
        self._docker.driver("DeleteNetwork", NetworkID=identifier)
        self.lose(identifier)
        return ""

    def lose(self, identifier: str) -> None:
        """Lose a network without telling the drivers."""
        self.present = [each for each in self.present if each["Id"] != identifier]
        self.refresh()

    def refresh(self) -> None:
        self.answers["/networks"] = self.present
        for each in self.present:
            inside = {identifier: {"Name": name} for identifier, name in self.inside.items()}
            self.answers[f"/networks/{each['Id']}"] = {**each, "Containers": inside}

    def named(self, name: str) -> Dict[str, Any]:
        (network,) = [each for each in self.present if each["Name"] == name]
        return network

    def names(self) -> List[str]:
        return [each["Name"] for each in self.present]


@pytest.fixture()
def dockerd(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Networks]:
    """A dockerd that runs, and finds our driver."""
    plugin = tmp_path / "cnm.sock"
    plugin.touch()
    made = Networks(str(tmp_path / "docker.sock"), Docker(engine))
    made.refresh()
    monkeypatch.setattr(docker_engine, "PLUGIN", str(plugin))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{made.path}")
    with made.running():
        yield made


def ensure(engine: Engine, check: bool = False, **item: Any) -> Result:
    return ensure_all(engine.core, [("network", [{"name": "lan", **item}])], check, engine.warnings.append)


def settle(engine: Engine, dockerd: Networks, **item: Any) -> Result:
    """Check, run, check and run again; return what the first run did."""
    before = list(dockerd.present)
    foretold = ensure(engine, check=True, **item)
    assert dockerd.present == before
    done = ensure(engine, **item)
    assert foretold == done
    after = list(dockerd.present)
    for check in (True, False):
        assert not ensure(engine, check=check, **item).changed
        assert dockerd.present == after
    return done


def changes(result: Result) -> List[Dict[str, Any]]:
    return [each for each in result.differences if each["after_header"].startswith("Docker network")]


def test_docker_knows_a_network_as_long_as_it_is_to(engine: Engine, dockerd: Networks) -> None:
    four, six = "10.9.0.0/24", "fd00:9::/64"
    wanted = {"ipam_config": [{"subnet": four}], "engines": ["docker"]}
    made = settle(engine, dockerd, **wanted)
    assert made.changed and made.objects[0]["Host"]["Engines"] == ["docker"] and made.objects[0]["Labels"] == {}
    (change,) = changes(made)
    assert change["before"] == {}
    assert change["after"] == {"Name": "lan", "Driver": "cnm", "Subnets": [four], "Internal": False}
    assert dockerd.named("lan")["IPAM"]["Driver"] == "cnm"
    # Another task that leaves the option out keeps it.
    assert not ensure(engine).changed
    assert settle(engine, dockerd, labels={"a": "b"}).changed
    both = {**wanted, "ipam_config": [{"subnet": four}, {"subnet": six}], "internal": True}
    (change,) = changes(settle(engine, dockerd, **both))
    assert (change["before"]["Subnets"], change["after"]["Subnets"]) == ([four], [four, six])
    network = dockerd.named("lan")
    assert (network["EnableIPv6"], network["Internal"]) == (True, True)
    (change,) = changes(settle(engine, dockerd, state="absent"))
    assert change["after"] == {}
    assert dockerd.names() == ["bridge"]
    assert "lan" not in engine.listed("network")


def test_an_empty_list_takes_the_network_from_docker_alone(engine: Engine, dockerd: Networks) -> None:
    settle(engine, dockerd, engines=["docker"])
    assert settle(engine, dockerd, engines=[]).objects[0]["Host"]["Engines"] == []
    assert dockerd.names() == ["bridge"]
    assert "lan" in engine.listed("network")


def test_what_docker_has_lost_is_repaired(engine: Engine, dockerd: Networks) -> None:
    settle(engine, dockerd, engines=["docker"])
    dockerd.lose(dockerd.named("lan")["Id"])
    assert settle(engine, dockerd).changed
    assert dockerd.names() == ["bridge", "lan"]


def test_a_network_of_docker_whose_own_is_gone_is_replaced(engine: Engine, dockerd: Networks) -> None:
    settle(engine, dockerd, engines=["docker"])
    engine.ensure("network", {"name": "lan", "state": "absent"})
    old = dockerd.named("lan")["Id"]
    assert settle(engine, dockerd, engines=["docker"]).changed
    assert dockerd.named("lan")["Id"] != old


def test_containers_are_not_cut_off_by_mistake(engine: Engine, dockerd: Networks) -> None:
    settle(engine, dockerd, engines=["docker"])
    dockerd.inside = {"77aa": "web", "88bb": "db"}
    dockerd.refresh()
    for item in ({"engines": []}, {"state": "absent"}, {"internal": True}):
        for check in (True, False):
            with engine.kernel.unchanged(), pytest.raises(InvalidInput, match="has containers: 'db', 'web'. Remove"):
                ensure(engine, check=check, **item)
    assert dockerd.names() == ["bridge", "lan"]
    assert settle(engine, dockerd, state="absent", force=True).changed
    assert dockerd.names() == ["bridge"]


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"driver": "macvlan"}, "Docker cannot use it, because its driver 'macvlan' makes no bridge."),
        (
            {"driver": "openvswitch", "driver_options": {"cnm.openvswitch.datapath": "netdev"}},
            "Docker cannot use it, because with datapath netdev, an interface must have the name of its port",
        ),
        ({"name": "none"}, "it is a predefined network, and its engines cannot be changed."),
        ({"name": "bridge"}, "it is a predefined network, and its engines cannot be changed."),
        ({"name": "taken"}, "Docker has a network 'taken' of its own, with driver 'bridge'."),
        ({"name": "other"}, "Docker's network 'other' is our network 'lan'."),
    ],
)
def test_what_docker_cannot_know_is_refused(engine: Engine, dockerd: Networks, item: Dict[str, Any], said: str) -> None:
    settle(engine, dockerd, engines=["docker"])
    dockerd.add({**OWN, "Id": "0c0c" * 16, "Name": "taken"})
    dockerd.named("lan")["Name"] = "other"
    before = set(engine.listed("network"))
    for check in (True, False):
        with engine.kernel.unchanged(), pytest.raises(InvalidInput, match=said):
            ensure(engine, check=check, engines=["docker"], **{"name": "fresh", **item})
    assert set(engine.listed("network")) == before


def test_without_the_service_nothing_is_touched(
    engine: Engine, dockerd: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_engine, "PLUGIN", "/nowhere/cnm.sock")
    with engine.kernel.unchanged(), pytest.raises(InvalidInput, match="nothing listens at /nowhere/cnm.sock"):
        ensure(engine, engines=["docker"])


def test_without_docker_nothing_is_touched_but_our_network_can_go(
    engine: Engine, dockerd: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(engine, dockerd, engines=["docker"])
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    for item in ({"internal": True}, {"name": "fresh", "engines": ["docker"]}):
        with engine.kernel.unchanged(), pytest.raises(InvalidInput) as caught:
            ensure(engine, **item)
        assert "Docker does not answer at /nowhere/docker.sock: No such file or directory." in str(caught.value)
    assert ensure(engine, state="absent").changed
    assert any("So it keeps its network" in text for text in engine.warnings)


def test_what_docker_refuses_is_told_and_tried_again(
    engine: Engine, dockerd: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(dockerd, "post", lambda _path, _body: "no more networks")
        with pytest.raises(CnmError, match="Docker did not create its network 'lan', while ours exists: no more netw"):
            ensure(engine, engines=["docker"])
    assert "lan" in engine.listed("network")
    assert ensure(engine, engines=["docker"]).changed
    assert dockerd.names() == ["bridge", "lan"]
