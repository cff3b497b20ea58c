# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One process does the work for all, even if it is killed or fails."""

from __future__ import annotations

import os
import stat
import time

import pytest

from ansible_collections.cnm.linux.plugins.plugin_utils._topology import shared, sources

HOSTS = [f"host/{number}" for number in range(8)]


class Work:
    """Notes in a file each time that it runs, and depends on the variable ``x``, or on more than that."""

    def __init__(self, folder):
        self._done = folder / "done"
        self.variables = {"x": 1, "y": 1}
        self.beyond = False

    def __call__(self):
        time.sleep(0.05)
        with open(self._done, "a", encoding="utf-8") as done:
            done.write("x")
        return shared.Work({host: (self.times, host) for host in HOSTS}, "all", None if self.beyond else {"x"})

    def digest(self, names):
        return repr([self.variables[name] for name in names])

    def ask(self, folder, host, meeting="task"):
        """Return which run of the work answered HOST, or None if the answer is for another host."""
        answer = shared.answer(folder, host, self.digest, meeting, self)
        return answer.own[0] if answer.own[1] == host and answer.common == "all" else None

    @property
    def times(self):
        return len(self._done.read_text(encoding="utf-8")) if self._done.exists() else 0


@pytest.fixture()
def work(tmp_path):
    return Work(tmp_path)


@pytest.fixture(params=[False, True], ids=["variables", "beyond"])
def either(work, request):
    work.beyond = request.param
    return work


@pytest.fixture()
def folder(tmp_path):
    return tmp_path / "cnm_topology"


def in_processes(act, *arguments):
    """Run ACT on each of ARGUMENTS, in parallel processes; return whether all succeeded."""
    children = []
    for argument in arguments:
        child = os.fork()
        if not child:
            try:
                os._exit(0 if act(argument) else 1)
            finally:
                os._exit(2)
        children.append(child)
    return [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)


def test_one_of_many_processes_works_for_all(folder, either):
    assert in_processes(lambda host: either.ask(folder, host) == 1, *HOSTS)
    assert either.times == 1


def test_answers_are_given_until_a_variable_changes_on_which_they_depend(folder, work):
    assert [work.ask(folder, HOSTS[0], meeting) for meeting in ("task", "task", None)] == [1, 1, 1]
    work.variables["y"] = 2
    assert work.ask(folder, HOSTS[1], "another") == 1
    work.variables["x"] = 2
    assert [work.ask(folder, host, None) for host in HOSTS[:3]] == [2, 2, 2]


def test_an_answer_that_depends_on_more_is_given_once_to_those_who_meet(folder, work):
    work.beyond = True
    assert [work.ask(folder, host) for host in (HOSTS[0], HOSTS[0], HOSTS[1])] == [1, 2, 2]
    assert work.ask(folder, HOSTS[2], "another") == 3
    assert work.ask(folder, HOSTS[3], "task") == 4
    assert [work.ask(folder, HOSTS[4], None), work.ask(folder, HOSTS[4], "task")] == [5, 4]


def test_a_process_that_dies_at_work_leaves_it_to_the_next(folder, either):
    def die():
        os._exit(0)

    assert in_processes(lambda host: shared.answer(folder, host, either.digest, "task", die), HOSTS[0])
    assert either.ask(folder, HOSTS[1]) == 1


def test_what_the_work_raises_is_raised_and_nothing_is_kept(folder, either):
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        shared.answer(folder, HOSTS[0], either.digest, "task", fail)
    assert either.ask(folder, HOSTS[1]) == 1


def test_answers_are_for_nobody_else(folder, either):
    either.ask(folder, HOSTS[0])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def names(variables):
    collected = sources.Names()
    collected.add(["cnm_networks"], variables)
    return collected


def test_the_variables_on_which_others_depend():
    collected = names({"cnm_networks": [{"name": "{{ a.b }}"}], "a": {"b": "{{ c }}"}, "c": "d", "e": "{{ f }}"})
    assert {"cnm_networks", "a", "b", "c", "d"} <= collected.found and not {"e", "f"} & collected.found
    assert not collected.beyond


@pytest.mark.parametrize(
    "text",
    ["{{ lookup('env', 'x') }}", "{{ q('x') }}", "{{ vars['a' ~ b] }}", "{{ now() }}", "{{ hostvars.a[x ~ 1] }}"],
)
def test_what_depends_on_more_than_variables(text):
    assert names({"cnm_networks": "{{ a }}", "a": text}).beyond
    assert not names({"cnm_networks": "lookup"}).beyond


class Named:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def state(wanted, facts=None, **changes):
    """Return the digest of the variables WANTED for a host whose variables are given by CHANGES."""
    host = Named(name="h", vars=changes.get("inventory", {"x": 1}))
    inventory = Named(hosts={"h": host}, groups={"all": Named(hosts=[host], vars=changes.get("group", {}))})
    manager = Named(_vars_cache={"h": changes.get("included", {})}, _nonpersistent_fact_cache={"h": {}}, _fact_cache={})
    if "set" in changes:
        manager._nonpersistent_fact_cache["h"] = changes["set"]
    if facts is not None:
        manager._fact_cache["h"] = facts
    return sources.digest(manager, inventory, wanted)


def test_a_change_of_a_variable_is_seen_wherever_it_comes_from():
    before = state({"x"})
    for change in ({"inventory": {"x": 2}}, {"group": {"x": 2}}, {"included": {"x": 2}}, {"set": {"x": 2}}):
        assert state({"x"}, **change) != before
    assert state({"x"}, {"y": 1}, set={"y": 2}) == before
    assert state({"x", "ansible_facts", "y"}, {"y": 1}) != state({"x", "ansible_facts", "y"}, {"y": 2})
    assert state({"x", "ansible_y"}, {"y": 1}) != state({"x", "ansible_y"}, {"y": 2})
    assert sources.digest(Named(), Named(), {"x"}) is None
