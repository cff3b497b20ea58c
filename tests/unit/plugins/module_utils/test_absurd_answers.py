# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nft may answer anything: users get a sentence."""

from __future__ import annotations

import json

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.firewall import docker_user, foreign, table
from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.kinds import Element, ForwardAccept, Ruleset
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.plan import Step


def listing(*objects):
    return json.dumps({"nftables": list(objects)})


CHAIN = {"family": "ip", "table": "filter", "name": "FORWARD", "type": "filter", "hook": "forward", "policy": "accept"}
ABSURD = [
    "",
    "null",
    "[]",
    "17",
    "[" * 100000,
    "\x00\udcff\x1b[2J",
    '{"nftables": null}',
    '{"nftables": 5}',
    listing(1),
    listing("set"),
    listing(None),
    listing({"set": 1}, {"map": "x"}, {"chain": 2}, {"rule": 3}),
    listing({"set": {}}, {"chain": {}}),
    listing({"set": {"name": "internal", "type": "ifname", "elem": 7}}),
    listing({"set": {"name": "subnets4", "type": "ipv4_addr", "elem": ["nonsense", {"prefix": {}}]}}),
    listing({"set": {"name": "subnets4", "type": "ipv4_addr", "elem": [{}]}}),
    listing({"map": {"name": "published4", "type": ["inet_service"], "elem": [1]}}),
    listing({"chain": CHAIN}, {"rule": {"chain": "FORWARD", "expr": 5}}),
    listing({"chain": CHAIN}, {"rule": {"chain": "FORWARD", "expr": [5, {"jump": None}]}}),
    listing({"chain": CHAIN}, {"rule": {"expr": [{"jump": {}}]}}),
    '-A DOCKER-USER -m comment --comment "no end',
]


@pytest.mark.parametrize("answer", ABSURD, ids=range(len(ABSURD)))
@pytest.mark.parametrize("code", [0, 1])
def test_no_answer_of_nft_ends_in_a_traceback(monkeypatch, tmp_path, answer, code):
    for module in (table, foreign, docker_user):
        monkeypatch.setattr(module, "find", lambda name: f"/usr/sbin/{name}")
    monkeypatch.setattr(table, "MEMORY", str(tmp_path / "cnm" / "ruleset.json"))

    def run(argv, stdin):
        # Loading succeeds; questions get an absurd answer.
        return (0, "", "") if stdin is not None else (code, answer, answer)

    firewall, docker = table.Firewall(run), docker_user.DockerUser(run)
    ways = [
        lambda: firewall.read([Ruleset(None).key, Element("internal", "br-a").key]),
        lambda: firewall.apply([Step(None, Ruleset("table inet cnm { }"))]),
        lambda: foreign.foreign(run, ["br-a"]),
        lambda: foreign.deaf(run, ["br-a"]),
        docker.families,
        lambda: docker.read([ForwardAccept("ip").key]),
        lambda: docker.apply([Step(ForwardAccept("ip"), None)]),
    ]
    for way in ways:
        try:
            way()
        except CnmError as error:
            assert str(error).isprintable() and str(error).endswith(".")
