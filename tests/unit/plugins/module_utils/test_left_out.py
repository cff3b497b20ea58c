# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be in the expected state is left out, and nothing else."""

from __future__ import annotations

import os

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import CnmError, Incomplete

BAD = "/run/netns/bad"


@pytest.fixture
def pair(lan):
    """A host with the sandboxes 'bad' and 'db' on 'lan', and 'far' alone on 'other', which has IPv6."""
    lan.network("other", enable_ipv6=True, ipam_config=[{"subnet": "10.2.0.0/24"}, {"subnet": "fd00:2::/64"}])
    lan.sandbox("far", networks=[{"name": "other"}])
    lan.sandbox("bad", networks=[{"name": "lan"}, {"name": "other"}], published_ports=["8081:80"])
    return lan


def of_bad(key):
    return BAD in key


def kept(present, but=()):
    """Return PRESENT without what is in the namespaces or on the bridges BUT, and without their neighbours."""
    inside = {key for key in present if any(each in key for each in but)}
    addresses = {key[3].partition("/")[0] for key in inside if key.kind == "address"}
    return {
        key: resource
        for key, resource in present.items()
        if key not in inside and key.kind != "sysctl" and not (key.kind == "neighbour" and key[3] in addresses)
    }


@pytest.mark.parametrize("kind", ["namespace", "link", "address", "route", "sysctl"])
def test_a_sandbox_that_the_kernel_refuses_is_not_restored(pair, kind):
    before = dict(pair.kernel.present)
    pair.kernel.forget()
    pair.kernel.refuse = lambda step: of_bad(step.resource.key) and step.resource.kind == kind and step.after
    (failure,) = pair.controller().restore().failures
    assert failure.startswith("Sandbox 'bad' was left out: Could not make ")
    assert kept(pair.kernel.present) == kept(before, (BAD,))
    assert not os.path.exists(os.path.join(pair.folder, "intent.json"))
    pair.kernel.refuse = None
    assert pair.controller().restore().failures == []
    assert pair.kernel.present == before


def test_a_network_is_left_out_with_its_sandboxes(pair):
    before = dict(pair.kernel.present)
    bridge = f"br-{pair.one('network', 'other')['Id'][:12]}"
    pair.kernel.forget()
    pair.kernel.refuse = lambda step: step.resource.key == ("link", "", bridge)
    (failure,) = pair.controller().restore().failures
    assert failure.startswith("Network 'other' was left out, and with it its sandboxes 'bad', 'far': Could not make")
    assert kept(pair.kernel.present) == kept(before, (BAD, "/run/netns/far", bridge))


def test_a_network_without_its_name_server_is_there(host):
    host.kernel.facts.name_server = True
    host.network("lan", ipam_config=[{"subnet": "10.1.0.0/24"}])
    host.sandbox("web", networks=[{"name": "lan"}])
    before = dict(host.kernel.present)
    host.kernel.forget()
    host.kernel.refuse = lambda step: step.resource.kind == "name-server" and step.after
    (failure,) = host.controller().restore().failures
    assert failure.startswith("The names of network 'lan' were left out: Could not make name server")
    assert kept(host.kernel.present) == {
        key: resource for key, resource in kept(before).items() if key[0] not in ("records", "name-server")
    }


def test_what_somebody_takes_away_again_and_again_is_left_out(pair):
    pair.kernel.forget()
    taken = next(key for key in pair.kernel.present | wanted(pair) if key.kind == "address" and of_bad(key))
    really = pair.kernel.apply

    def apply(steps):
        really(steps)
        pair.kernel.lose(taken)

    pair.kernel.apply = apply
    (failure,) = pair.controller().restore().failures
    assert failure.startswith("Sandbox 'bad' was left out: The host is not in the expected state: address")
    assert not [key for key in pair.kernel.present if of_bad(key) and key.kind != "sysctl"]


def wanted(host):
    """Return what HOST holds after a restore."""
    host.controller().restore()
    present = dict(host.kernel.present)
    host.kernel.forget()
    return present


def test_another_run_does_its_own_and_fails_for_the_sandbox_alone(pair):
    address = next(key for key in pair.kernel.present if key.kind == "address" and of_bad(key))
    pair.kernel.lose(("ruleset",))
    pair.kernel.lose(address)
    pair.kernel.refuse = lambda step: step.resource.key == address
    with pytest.raises(
        Incomplete, match="^Sandbox 'bad' was left out: Could not make address .* Everything else was done.$"
    ):
        pair.network("more", ipam_config=[{"subnet": "10.3.0.0/24"}])
    assert "more" in pair.listed("network")
    assert ("ruleset",) in pair.kernel.present
    assert ("link", BAD, "eth0") in pair.kernel.present
    assert not pair.network("more").changed
    with pytest.raises(CnmError, match="Could not make address"):
        pair.sandbox("bad")


def test_a_run_that_is_refused_loads_the_rules(pair):
    """A run does either all of its own work or nothing. But meanwhile, networks must not reach each other."""
    pair.kernel.lose(("ruleset",))
    pair.kernel.lose(("namespace", BAD))
    pair.kernel.facts.namespaces = {}
    pair.kernel.present["namespace", BAD] = foreign()
    before = pair.remembered()
    with pytest.raises(CnmError, match="not made by us"):
        pair.sandbox("bad", labels={"a": "b"})
    assert ("ruleset",) in pair.kernel.present
    assert pair.remembered() == before


def foreign():
    from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources.namespace import Namespace

    return Namespace(BAD, ours=False)
