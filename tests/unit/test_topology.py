# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays with ``cnm.linux.topology``: variables are evaluated once for all hosts, but never when they may have changed.

A script stands in for Python on the hosts: it keeps what it is sent and answers that nothing has changed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.overlay_peer import members, unpack

yaml = pytest.importorskip("yaml")

DOCUMENTS = Path(__file__).resolve().parents[2] / "docs"
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
pytestmark = pytest.mark.skipif(not PLAYBOOK.exists(), reason="managed hosts need no ansible-playbook")
HOSTS = ["a", "b", "c"]
TOPOLOGY: dict[str, Any] = {"name": "Topology", "cnm.linux.topology": None}
EXCHANGE: dict[str, Any] = {"name": "Exchange", "cnm.linux.topology": {"exchange": True}}
_PYTHON = """\
#!/bin/sh
sent=$(mktemp {folder}/XXXXXX)
cat "$1" >"$sent"
host=$(grep -o 'host[\\": ]*[abc][\\"]' "$1" | head -n 1 | tr -dc abc)
[ "$host" = c ] && mtu=1450 || mtu=8950
reports=$(cat {folder}.reports/$host) || reports='{{}}'
echo '{{"changed": {changed}, "networks": [{{"Name": "blue", "Host": {{"Mtu": '$mtu'}}}}], "reports": '$reports'}}'
"""
_FILTER = """\
def counted(number):
    with open("{path}", "a") as file:
        file.write("x\\n")
    return f"192.0.2.{{number}}"


class FilterModule:
    def filters(self):
        return {{"counted": counted}}
"""


class Controller:
    """A controller with an inventory of three hosts on one overlay."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sent = folder / "sent"
        self._sent.mkdir()
        self.reports = folder / "sent.reports"
        self.reports.mkdir()
        self.counted = folder / "counted"
        self.temporary = folder / "tmp"
        self.variables: dict[str, Any] = {
            "cnm_networks": [{"name": "blue", "driver": "overlay", "ipam_config": [{"subnet": "10.9.0.0/16"}]}],
            "cnm_sandboxes": [{"name": "s{{ inventory_hostname }}", "networks": [{"name": "blue"}]}],
            "cnm_vtep_address": "192.0.2.{{ number }}",
            "cnm_host_number": "{{ number }}",
        }

    def play(
        self,
        *tasks: dict[str, Any],
        changed: bool = False,
        limit: str = "all",
        extra: Optional[dict[str, Any]] = None,
        path: str = "",
        **more: Any,
    ) -> str:
        """Run TASKS on the hosts with the additional variables EXTRA; return Ansible's output.

        :param path: a folder that is put at the beginning of PATH
        """
        python = self._folder / "python"
        python.write_text(_PYTHON.format(folder=self._sent, changed=json.dumps(changed)))
        python.chmod(0o755)
        inventory = {
            "all": {
                "hosts": {host: {"number": number} for number, host in enumerate(HOSTS, 1)},
                "vars": {
                    **self.variables,
                    "ansible_connection": "local",
                    "ansible_python_interpreter": str(python),
                },
            }
        }
        (self._folder / "hosts.json").write_text(json.dumps(inventory))
        play = {"hosts": "all", "gather_facts": False, "tasks": tasks, **more}
        (self._folder / "play.json").write_text(json.dumps([play]))
        command = [str(PLAYBOOK), "--inventory", "hosts.json", "--limit", limit, "play.json"]
        command += ["--extra-vars", json.dumps(extra or {})]
        environment = {**os.environ, "ANSIBLE_LOCAL_TEMP": str(self.temporary), "ANSIBLE_NOCOLOR": "1"}
        environment["PATH"] = f"{path}:{os.environ['PATH']}"
        done = subprocess.run(
            command, cwd=self._folder, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        self.succeeded = done.returncode == 0
        self.errors = done.stderr
        return done.stdout

    def report(self, host: str, sandbox: str, **known: str) -> None:
        """Let HOST report SANDBOX, and that it knows what others have reported, by host: the name of a sandbox."""
        report = {"endpoints": [{"name": sandbox}], "digest": f"digest of {sandbox}"}
        others = {name: f"digest of {each}" for name, each in known.items()}
        (self.reports / host).write_text(json.dumps({"blue": {**report, "known": others}}))

    def heard(self, host: str) -> list[dict[str, str]]:
        """Return what HOST was told by each exchange: the sandbox that each host has reported."""
        matches = [re.search(r'"reports": \{"blue": "([\w+/=]+)"\}.*?"host": "(\w+)"', text) for text in self.sent]
        return [
            {name: endpoints[0]["name"] for name, endpoints in unpack(each[1]).items()}
            for each in matches
            if each is not None and each[2] == host
        ]

    def count(self) -> str:
        """Return a template whose value is 192.0.2.1 for a and so on; its evaluations are counted."""
        return f"{{{{ lookup('pipe', 'echo >>{self.counted}; echo 192.0.2.' ~ number) }}}}"

    def count_silently(self) -> str:
        """Return a similar template that seems to depend only on the variable number."""
        folder = self._folder / "filter_plugins"
        folder.mkdir()
        (folder / "counted.py").write_text(_FILTER.format(path=self.counted))
        return "{{ number | counted }}"

    @property
    def evaluations(self) -> int:
        return len(self.counted.read_text().splitlines())

    @property
    def sent(self) -> list[str]:
        """The text that each module was sent, in order of time."""
        paths = sorted(self._sent.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_text().replace("\\", "") for path in paths]

    def told(self, peer: str) -> list[Optional[str]]:
        """Return the address of PEER that each module was told, in order of time, or None."""
        addresses = []
        for text in self.sent:
            host, packed = re.search(r'"host": "(\w+)"', text), re.search(r'"blue": "([\w+/=]+)"', text)
            peers = members(packed[1], host[1]).peers if host and packed else []
            addresses.append(next((each["address"] for each in peers if each["name"] == peer), None))
        return addresses


@pytest.fixture()
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path)


def moved(**more: Any) -> dict[str, Any]:
    """Return a task that changes the addresses of hosts."""
    return {"name": "Move", "ansible.builtin.set_fact": {"cnm_vtep_address": "192.0.2.{{ number + 100 }}"}, **more}


def test_each_variable_is_evaluated_once_for_all_hosts(controller: Controller) -> None:
    controller.variables["cnm_vtep_address"] = controller.count()
    printed = controller.play(TOPOLOGY)
    assert controller.succeeded, printed
    assert sorted(controller.told("b"), key=str) == ["192.0.2.2", "192.0.2.2", None]
    assert controller.evaluations == len(HOSTS)
    assert not any(controller.temporary.iterdir())


@pytest.mark.parametrize("together", [{}, {"serial": 1}, {"strategy": "free"}])
def test_variables_that_do_not_change_are_evaluated_once_for_all_tasks(
    controller: Controller, together: dict[str, Any]
) -> None:
    controller.variables["cnm_vtep_address"] = controller.count_silently()
    between = {"name": "Other", "ansible.builtin.set_fact": {"other": "{{ inventory_hostname }}"}}
    printed = controller.play(TOPOLOGY, between, TOPOLOGY, **together)
    assert controller.succeeded, printed
    assert sorted(controller.told("b"), key=str) == ["192.0.2.2"] * 4 + [None] * 2
    assert controller.evaluations == len(HOSTS)


def test_the_next_task_sees_what_has_changed_and_so_does_each_item_of_a_loop(controller: Controller) -> None:
    controller.variables["cnm_vtep_address"] = controller.count()
    first = {**TOPOLOGY, "loop": [1, 2], "when": "inventory_hostname == 'c'"}
    second = {**TOPOLOGY, "when": "inventory_hostname != 'c'"}
    printed = controller.play(first, moved(when="inventory_hostname == 'b'"), second)
    assert controller.succeeded, printed
    assert controller.told("b")[:2] == ["192.0.2.2", "192.0.2.2"]
    assert sorted(controller.told("b")[2:], key=str) == ["192.0.2.102", None]
    assert controller.evaluations == 2 * len(HOSTS) + 2


def test_the_next_batch_sees_what_the_last_one_has_changed(controller: Controller) -> None:
    printed = controller.play(TOPOLOGY, moved(), serial=1)
    assert controller.succeeded, printed
    assert controller.told("a") == [None, "192.0.2.101", "192.0.2.101"]
    assert controller.told("c") == ["192.0.2.3", "192.0.2.3", None]


def test_a_handler_sees_what_has_changed_since_it_ran_for_others(controller: Controller) -> None:
    def notify(host: str) -> dict[str, Any]:
        return {
            "name": "Notify",
            "ansible.builtin.command": "true",
            "changed_when": True,
            "notify": "Topology",
            "when": f"inventory_hostname == '{host}'",
        }

    flush = {"ansible.builtin.meta": "flush_handlers"}
    printed = controller.play(notify("a"), flush, moved(), notify("b"), changed=True, handlers=[TOPOLOGY])
    assert controller.succeeded, printed
    # The first one is the module of the notifying task, which knows no peers.
    assert [each for each in controller.told("c") if each] == ["192.0.2.3", "192.0.2.103"]


def test_a_host_that_goes_on_alone_sees_what_others_have_changed(controller: Controller, tmp_path: Path) -> None:
    def shell(command: str, host: str) -> dict[str, Any]:
        message = f"{{{{ lookup('pipe', '{command}') }}}}"
        return {"name": "Run", "ansible.builtin.debug": {"msg": message}, "when": f"inventory_hostname == '{host}'"}

    wait = shell(f"until [ -e {tmp_path}/moved ]; do sleep 0.1; done", "b")
    printed = controller.play(wait, TOPOLOGY, moved(), shell(f"touch {tmp_path}/moved", "a"), strategy="free")
    assert controller.succeeded, printed
    assert controller.told("a")[-1] == "192.0.2.101"


def test_hosts_beyond_the_limit_are_told_of(controller: Controller) -> None:
    printed = controller.play(TOPOLOGY, limit="a")
    assert controller.succeeded, printed
    assert controller.told("c") == ["192.0.2.3"]


def test_what_is_wrong_on_one_host_is_said_before_any_is_touched(controller: Controller) -> None:
    controller.variables["cnm_networks"][0]["internal"] = "{{ 'loud' if inventory_hostname == 'c' else false }}"
    controller.variables["cnm_sandboxes"][0]["networks"][0]["aliases"] = {"not": "a list"}
    printed = controller.play(TOPOLOGY)
    assert not controller.succeeded
    failures = [line for line in printed.splitlines() if line.startswith("fatal: ")]
    assert len(failures) == len(HOSTS)
    (whole,) = [each for each in failures if "Host 'c': cnm_networks: " in each]
    assert "Host 'b': cnm_sandboxes: " in whole
    worker = whole.partition("[")[2].partition("]")[0]
    assert sum(f"The failure of host '{worker}' lists them." in each for each in failures) == len(HOSTS) - 1
    assert controller.told("a") == []


def message(printed: str, host: str) -> str:
    """Return the message with which the topology failed on HOST."""
    return str(json.loads(printed.partition(f"fatal: [{host}]: FAILED! => ")[2].partition("\n")[0])["msg"])


def test_each_problem_of_each_entry_is_said(controller: Controller) -> None:
    controller.variables["cnm_networks"].append({"name": "lan", "ipam_config": [{"subnet": "10.1.0.1/24"}]})
    controller.variables["cnm_sandboxes"] += [
        {"name": "web", "network": "lan"},
        {"nme": "x", 1: 2},
        "text",
        {"name": "db", "networks": [{"name": "lan", "mac_address": "x"}]},
    ]
    text = message(controller.play(TOPOLOGY, limit="a"), "a")
    assert "Unsupported" not in text
    assert ".." not in text
    for sentence in (
        "cnm_sandboxes: sandbox 'web': unknown option 'network'; did you mean 'networks'?",
        "cnm_sandboxes: sandboxes[2]: unknown option '1'.",
        "cnm_sandboxes: sandboxes[2]: unknown option 'nme'; did you mean 'name'?",
        "cnm_sandboxes: sandboxes[2]: missing required arguments: name.",
        "cnm_sandboxes: sandboxes[3]: ",
        "network 'lan': subnet '10.1.0.1/24' has host bits set",
        "sandbox 'db' on network 'lan': mac_address: 'x' is not a MAC address",
    ):
        assert text.count(f"Hosts 'a', 'b', 'c': {sentence}") == 1
    assert controller.told("a") == []


def test_the_task_takes_no_options(controller: Controller) -> None:
    text = message(controller.play({"name": "Topology", "cnm.linux.topology": {"networks": []}}), "a")
    assert text.startswith("topology takes no options except exchange. Declare cnm_networks and cnm_sandboxes ")


def test_a_host_is_told_what_others_have_reported_if_it_does_not_know_it(controller: Controller) -> None:
    controller.report("a", "sa", b="sb", c="sc")
    controller.report("b", "sb", a="sa", c="older")
    controller.report("c", "sc", a="sa")
    printed = controller.play(TOPOLOGY, EXCHANGE)
    assert controller.succeeded, printed
    everything = {"a": "sa", "b": "sb", "c": "sc"}
    assert [controller.heard(host) for host in HOSTS] == [[], [everything], [everything]]
    assert len(controller.sent) == len(HOSTS) + 2


def test_a_host_that_is_not_reached_reports_nothing_and_is_told_nothing(controller: Controller) -> None:
    for host in HOSTS:
        controller.report(host, f"s{host}")
    fail = {"name": "Fail", "ansible.builtin.fail": None, "when": "inventory_hostname == 'a'"}
    printed = controller.play(fail, TOPOLOGY, EXCHANGE)
    assert "fatal: [a]" in printed
    assert [controller.heard(host) for host in HOSTS] == [[], [{"b": "sb", "c": "sc"}], [{"b": "sb", "c": "sc"}]]
    printed = controller.play(EXCHANGE)
    assert controller.succeeded, printed
    assert len(controller.sent) == 4


def test_the_last_report_of_a_host_counts(controller: Controller) -> None:
    for host in HOSTS:
        controller.report(host, f"s{host}")
    forget = {"name": "Forget", "ansible.builtin.raw": f"rm {controller.reports}/b", "when": "number == 2"}
    printed = controller.play(TOPOLOGY, EXCHANGE, forget, TOPOLOGY, EXCHANGE)
    assert controller.succeeded, printed
    assert [sorted(each) for each in controller.heard("a")] == [HOSTS, ["a", "c"]]


def test_exchange_is_true_or_false(controller: Controller) -> None:
    text = message(controller.play({"name": "Topology", "cnm.linux.topology": {"exchange": "perhaps"}}), "a")
    assert "exchange: The value 'perhaps' is not a valid boolean." in text


def test_lists_that_other_hosts_would_not_see_are_refused(controller: Controller, tmp_path: Path) -> None:
    (tmp_path / "lists.json").write_text('{"cnm_sandboxes": []}')
    role = tmp_path / "roles" / "lists" / "vars"
    role.mkdir(parents=True)
    (role / "main.json").write_text('{"cnm_vtep_address": "x"}')
    places = [
        ({**TOPOLOGY, "vars": {"cnm_host_number": 9}}, {}, "cnm_host_number"),
        (TOPOLOGY, {"vars": {"cnm_networks": []}, "roles": ["lists"]}, "cnm_networks and cnm_vtep_address"),
        (TOPOLOGY, {"vars_files": ["lists.json"]}, "cnm_sandboxes"),
    ]
    for task, more, names in places:
        text = message(controller.play(task, limit="b", **more), "b")
        assert text.startswith(f"Host 'b': {names} come from variables of the play, the task or a role, or from ")
    assert controller.told("a") == []


def test_lists_from_everywhere_else_are_read(controller: Controller, tmp_path: Path) -> None:
    (tmp_path / "lists.json").write_text('{"cnm_networks": [{"name": "green"}]}')
    include = {"name": "Include", "ansible.builtin.include_vars": "lists.json"}
    printed = controller.play(include, TOPOLOGY, limit="b", extra={"cnm_sandboxes": [{"name": "extra"}]})
    assert controller.succeeded, printed
    (sent,) = controller.sent
    assert '"name": "green"' in sent and '"name": "extra"' in sent


def test_misspelt_variables_and_hosts_without_any_are_warned_of(controller: Controller) -> None:
    controller.variables["cnm_newtorks"] = controller.variables.pop("cnm_networks")
    controller.variables["cnm_sandbox"] = controller.variables.pop("cnm_sandboxes")
    controller.variables["cnm_networks_web"] = []
    printed = controller.play(TOPOLOGY)
    assert controller.succeeded, printed
    warnings = " ".join(controller.errors.split())
    hosts = "Hosts 'a', 'b', 'c': "
    assert warnings.count(f"{hosts}topology does not read the variable cnm_newtorks. Did you mean cnm_networks?") == 1
    assert warnings.count(f"{hosts}topology does not read the variable cnm_sandbox. Did you mean cnm_sandboxes?") == 1
    assert warnings.count(f"{hosts}neither cnm_networks nor cnm_sandboxes is declared, so topology makes nothing") == 1
    assert warnings.count("topology") == 3


def test_hosts_between_which_packets_do_not_fit_are_warned_of(controller: Controller) -> None:
    printed = controller.play(TOPOLOGY)
    assert controller.succeeded, printed
    warnings = " ".join(controller.errors.split())
    assert warnings.count("Network 'blue': its MTU is ") == 1
    assert "Set driver option 'com.docker.network.driver.mtu' to 1450, or give" in warnings


def documented(page: str, variable: str) -> list[dict[str, Any]]:
    """Return the blocks in a PAGE of the documentation that are variables of hosts and set VARIABLE."""
    text = (DOCUMENTS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(# group_vars/all\.yml.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [each for each in map(yaml.safe_load, blocks) if variable in each]


def test_addresses_of_hosts_with_names_as_documented(controller: Controller, tmp_path: Path) -> None:
    by_resolver, by_fact = documented("overlay.md", "cnm_vtep_address")
    controller.variables["ansible_host"] = "{{ inventory_hostname }}.example"
    resolver = tmp_path / "getent"
    resolver.write_text('#!/bin/sh\n[ $1 = ahostsv4 ] && echo "192.0.2.$(echo ${2%.example} | tr abc 123) STREAM $2"\n')
    resolver.chmod(0o755)
    controller.variables.update(by_resolver)
    printed = controller.play(TOPOLOGY, limit="a", path=str(tmp_path))
    assert controller.succeeded, printed
    controller.variables.update(by_fact)
    known = {"default_ipv4": {"address": "192.0.2.{{ number }}"}, "cacheable": True}
    printed = controller.play({"name": "Facts", "ansible.builtin.set_fact": known}, TOPOLOGY)
    assert controller.succeeded, printed
    assert sorted(controller.told("b"), key=str) == ["192.0.2.2"] * 3 + [None]


def test_lists_of_several_groups_as_documented(controller: Controller) -> None:
    by_name, by_query = documented("fleet.md", "cnm_networks")[-2:]
    controller.variables["cnm_networks_web"] = [{"name": "front"}]
    controller.variables["cnm_networks_db"] = [{"name": "back"}]
    for merged in (by_name, by_query):
        controller.variables.update(merged)
        printed = controller.play(TOPOLOGY, limit="c")
        assert controller.succeeded, printed
    assert ['"name": "front"' in sent and '"name": "back"' in sent for sent in controller.sent] == [True, True]


def test_options_for_all_modules_are_none_for_the_task(controller: Controller) -> None:
    printed = controller.play(TOPOLOGY, limit="a", module_defaults={"group/cnm.linux.cnm": {"state": "present"}})
    assert controller.succeeded, printed


def test_the_priority_has_dockers_name_too(controller: Controller) -> None:
    controller.variables["cnm_sandboxes"][0]["networks"][0]["gw_priority"] = "{{ number }}"
    printed = controller.play(TOPOLOGY, limit="c")
    assert controller.succeeded, printed
    (sent,) = controller.sent
    assert '"gateway_priority": 3' in sent
