# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs whose items are chosen under the lock."""

from __future__ import annotations

import os

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput, Locked
from ansible_collections.cnm.linux.plugins.module_utils._cnm.store.lock import held, holding


def test_items_are_chosen_from_what_the_store_has(lan):
    def choose(store, host):
        (network,) = [one for one in store.networks() if not one.predefined]
        assert host.ipv6()
        return [("sandbox", [{"name": f"on-{network.name}", "networks": [{"name": network.id}]}])]

    result = lan.controller().ensure_chosen(choose)
    assert result.changed
    assert list(result.objects[0]["Networks"]) == ["lan"]
    assert not lan.controller().ensure_chosen(choose).changed


def test_they_are_chosen_under_the_lock_but_for_check_mode(lan):
    def locked():
        child = os.fork()
        if not child:
            os._exit(bool(holding(lan.folder)))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    states = []
    for check in (False, True):
        lan.controller(check).ensure_chosen(lambda _store, _host: states.append(locked()) or [])
    assert states == [1, 0]


@pytest.mark.parametrize("error", [InvalidInput(["No."]), KeyError("bug")])
def test_a_choice_that_fails_touches_nothing(lan, error):
    before = lan.remembered()

    def choose(_store, _host):
        raise error

    with lan.kernel.unchanged(), pytest.raises(type(error)):
        lan.controller().ensure_chosen(choose)
    assert lan.remembered() == before
    assert lan.network("other").changed


def test_whoever_waits_too_long_for_the_lock_is_told_that_it_is_held(tmp_path):
    folder = str(tmp_path)
    with held(folder), pytest.raises(Locked, match=f"Process {os.getpid()} .*holds it now"), held(folder, 0.01):
        pass
