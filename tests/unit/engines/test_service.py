# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service, with a pretended host, and the plugins that ask it."""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import socket
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import cnm_client
import pytest
from _cnm.store.lock import held
from cnm_command.errors import Failure
from cnm_service import core, engines, listeners
from cnm_service.connections import Connections
from cnm_service.listeners import Listeners
from cnm_service.turns import Ended, Turns

from .conftest import Engine

CONFIGURATION = json.dumps({"cniVersion": "1.1.0", "name": "blue", "type": "cnm"}).encode()


class Service:
    """A service in this process."""

    def __init__(self, path: str) -> None:
        self.turns = Turns()
        self._stop, end = socket.socketpair()
        self._listeners = Listeners(["engines"], {"engines": path})
        self._connections = Connections(self.turns)
        served = dict.fromkeys(self._listeners.sockets, engines.serve)
        self._thread = threading.Thread(target=self._connections.accept, args=(served, end))
        self._thread.start()

    def end(self) -> None:
        """End it as SIGTERM does."""
        self._stop.close()
        self._thread.join()
        self._listeners.close()
        self._connections.end()


@pytest.fixture()
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where clients look for the service."""
    monkeypatch.setattr(cnm_client, "SOCKET", str(tmp_path / "engines.sock"))
    return cnm_client.SOCKET


@pytest.fixture()
def service(engine: Engine, path: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service for the host of ENGINE."""
    monkeypatch.setattr(core, "Kernel", lambda _run: engine.kernel)
    monkeypatch.setattr(core, "_Announcing", functools.partial(core._Announcing, folder=engine.folder))
    made = Service(path)
    yield made
    made.end()


def request(command: str, container: str = "c1", text: bytes = CONFIGURATION) -> bytes:
    """Return the request of a CNI plugin for CONTAINER in the namespace 'a'."""
    variables = {"COMMAND": command, "CONTAINERID": container, "NETNS": "/run/netns/a", "IFNAME": "eth0"}
    return cnm_client.request(b"cni", text, [], [f"CNI_{name}={value}".encode() for name, value in variables.items()])


def ask(*arguments: Any) -> Tuple[int, Any]:
    """Send a request to the service, which has to answer; return the status and the JSON."""
    (status, output, _errors), _begun = cnm_client.ask(request(*arguments))
    return int(status), json.loads(output) if output else None


def test_the_service_answers_as_the_plugin_does(service: Service, engine: Engine) -> None:
    status, output = ask("ADD")
    assert (status, output["ips"][0]["address"]) == (0, "10.1.0.2/24")
    assert list(engine.networks_of("c1")) == ["blue"]
    assert engine.code("ADD") == (101, ask("ADD")[1]["msg"])
    assert ask("DEL") == (0, None)
    assert engine.listed("sandbox") == {}


def test_podman_gets_its_answers_and_arguments_with_any_bytes_arrive(service: Service) -> None:
    (status, output, _errors), begun = cnm_client.ask(cnm_client.request(b"netavark", b"", [b"info"], []))
    assert (status, json.loads(output)["api_version"], begun) == (b"0", "1.0.0", False)
    (status, output, _errors), _begun = cnm_client.ask(
        cnm_client.request(b"netavark", b'{"name": "\xff"}', [b"setup", b"", b"\xff\n"], [])
    )
    assert status == b"1" and "is called with" in json.loads(output)["error"]


def test_warnings_are_standard_error(service: Service, engine: Engine) -> None:
    ports = {"portMappings": [{"hostPort": 80, "containerPort": 80, "protocol": "tcp"}]}
    text = json.dumps({"cniVersion": "1.1.0", "name": "inside", "type": "cnm", "runtimeConfig": ports}).encode()
    (status, _output, errors), begun = cnm_client.ask(request("ADD", "c1", text))
    assert (status, begun) == (b"0", True)
    assert errors.startswith(b"cnm: warning: Container 'c1': its ports are not published: ")
    assert errors.count(b"\n") == 1


def test_an_unforeseen_exception_is_answered_with_its_place(
    service: Service, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.kernel, "read", lambda _keys: 1 // 0)
    (status, output, errors), _begun = cnm_client.ask(request("ADD"))
    assert (status, json.loads(output)["code"]) == (b"1", 999)
    assert b"ZeroDivisionError" in errors
    monkeypatch.undo()
    assert engine.listed("sandbox") == {}


@pytest.mark.parametrize("part", ["", "7\nbe", "1\n3", "x\n", "3\n1", "3\n9999"])
def test_who_sends_something_else_gets_no_answer_and_disturbs_nobody(service: Service, path: str, part: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(part.encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert ask("VERSION")[0] == 0


@pytest.mark.parametrize(
    ("name", "value"), [("os.geteuid", lambda: 12345), ("cnm_service.peer._own_namespaces", lambda: [(4, 1)] * 3)]
)
def test_another_user_or_host_is_not_served(
    service: Service, path: str, name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert os.stat(path).st_mode & 0o777 == 0o600
    monkeypatch.setattr(name, value)
    assert cnm_client.ask(request("VERSION")) == ([], False)


def test_an_engine_that_has_given_up_gets_no_container(service: Service, engine: Engine, path: str) -> None:
    """Otherwise the container would be attached after the engine has removed it."""
    with _busy(service.turns) as done, socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(request("ADD"))
        connection.shutdown(socket.SHUT_WR)
        connection.close()
        done.set()
        assert ask("DEL") == (0, None)
    assert engine.listed("sandbox") == {}


def test_silent_clients_do_not_hold_up_others_and_leave_few_threads(service: Service, path: str) -> None:
    before = threading.active_count()
    silent = [socket.socket(socket.AF_UNIX) for _number in range(20)]
    for each in silent:
        each.connect(path)
    assert ask("ADD")[0] == 0
    assert threading.active_count() > before + 15
    for each in silent:
        each.close()
    while threading.active_count() > before + 4:
        pass
    assert ask("DEL")[0] == 0


@contextmanager
def _busy(turns: Turns) -> Iterator[threading.Event]:
    """Let WORKER carry something out until the event is set, or until the end of the block."""
    begun, done = threading.Event(), threading.Event()

    def act() -> None:
        begun.set()
        done.wait(60)

    thread = threading.Thread(target=turns.do, args=(act,))
    thread.start()
    begun.wait(60)
    try:
        yield done
    finally:
        done.set()
        thread.join()


def test_a_request_waits_for_the_lock_only_so_long_and_says_who_holds_it(
    service: Service, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "PATIENCE", 0.05)
    with held(engine.folder):
        status, output = ask("ADD")
    assert (status, output["code"]) == (1, 11)
    assert f"Process {os.getpid()} " in output["msg"]


def test_runs_are_done_one_at_a_time_in_their_order() -> None:
    turns, order = Turns(), []
    with _busy(turns) as done:
        threads = [threading.Thread(target=turns.do, args=(functools.partial(order.append, each),)) for each in "abc"]
        for number, thread in enumerate(threads, 1):
            thread.start()
            while turns.waiting() < number:
                pass
        assert order == []
        done.set()
        for thread in threads:
            thread.join()
    assert order == ["a", "b", "c"]
    turns.end()


def test_the_end_waits_for_the_run_at_work_and_leaves_the_others_to_the_plugins(
    service: Service, engine: Engine
) -> None:
    answers: List[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(cnm_client.ask(request("ADD"))))
    with _busy(service.turns) as done:
        waiting.start()
        while not service.turns.waiting():
            pass
        ending = threading.Thread(target=service.end)
        ending.start()
        waiting.join()
        assert ending.is_alive()
        done.set()
        ending.join()
    assert answers == [([], False)]
    assert engine.listed("sandbox") == {}
    with pytest.raises(Ended):
        service.turns.do(lambda: None)
    service.end = lambda: None  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (b"", ([], False)),
        (cnm_client.packed([b"begun"]), ([], True)),
        (cnm_client.packed([b"begun", b"0", b"{}"]), ([], True)),
        (cnm_client.packed([b"begun", b"0", b"{}", b"text"])[:-1], ([], True)),
        (cnm_client.packed([b"begun", b"0", b"{}", b""]), ([b"0", b"{}", b""], True)),
        (cnm_client.packed([b"0", b"{}", b""]), ([b"0", b"{}", b""], False)),
    ],
)
def test_a_plugin_knows_what_a_service_that_was_killed_may_have_done(path: str, said: bytes, known: Any) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def answer() -> None:
            connection, _address = listener.accept()
            with connection:
                connection.sendall(said)
                while connection.recv(1 << 16):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        assert cnm_client.ask(request("ADD")) == known
        thread.join()


def test_without_a_service_there_is_no_answer(path: str) -> None:
    assert cnm_client.ask(request("ADD")) == ([], False)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
    assert cnm_client.ask(request("ADD")) == ([], False)


def test_the_socket_of_a_killed_service_is_replaced_and_that_of_another_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(path)
    first = Listeners(["engines"], {"engines": path})
    with pytest.raises(Failure, match="Address already in use"):
        Listeners(["engines"], {"engines": path})
    first.close()
    assert os.listdir(tmp_path) == []
    Path(path).write_text("somebody's")
    with pytest.raises(Failure, match="Address already in use"):
        Listeners(["engines"], {"engines": path})
    assert Path(path).read_text() == "somebody's"


def test_systemd_hands_sockets_over_with_the_names_of_protocols(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_FDNAMES", "engines")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "s"))
        monkeypatch.setattr(listeners, "_FIRST", os.dup(made.fileno()))
    handed_over = Listeners(["engines", "docker"], {})
    assert list(handed_over.sockets.values()) == ["engines"]
    assert "LISTEN_FDS" not in os.environ
    handed_over.close()
    assert os.path.exists(tmp_path / "s"), "systemd keeps it"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "there is no socket to listen on"),
        ({"LISTEN_FDS": "1", "LISTEN_PID": "1"}, "there is no socket to listen on"),
        ({"LISTEN_FDS": "1", "LISTEN_PID": "own", "LISTEN_FDNAMES": "connection"}, "socket 'connection' is for no"),
    ],
)
def test_without_a_socket_it_says_how_to_name_one(
    variables: Dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace("own", str(os.getpid())))
    with pytest.raises(Failure, match=said):
        Listeners(["engines"], {})
    if not said.startswith("socket"):
        assert Listeners(["engines"], {}, required=False).sockets == {}


@pytest.mark.parametrize("where", ["198.51.100.2:9469", "0.0.0.0:9469", "[::]:9469", "[2001:db8::1]:9469"])
def test_metrics_are_refused_where_other_hosts_could_read_them(where: str) -> None:
    with pytest.raises(Failure, match="other hosts could reach this address"):
        Listeners(["metrics"], {"metrics": where})


@pytest.mark.parametrize("where", ["9469", "localhost:9469", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:http", "relative"])
def test_a_place_for_metrics_that_is_none_is_refused(where: str) -> None:
    with pytest.raises(Failure, match="neither a path nor an address with a port"):
        Listeners(["metrics"], {"metrics": where})


def test_systemd_must_not_hand_over_an_address_that_others_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PID": str(os.getpid()), "FDS": "1", "FDNAMES": "metrics"}.items():
        monkeypatch.setenv(f"LISTEN_{name}", value)
    with socket.socket() as made:
        made.bind(("0.0.0.0", 0))
        monkeypatch.setattr(listeners, "_FIRST", os.dup(made.fileno()))
    with pytest.raises(Failure, match="other hosts could reach this address"):
        Listeners(["metrics"], {})


def test_metrics_without_their_library_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "cnm_service.metrics", raising=False)
    with pytest.raises(Failure, match="Install the package python3-prometheus-client"):
        importlib.import_module("cnm_service.metrics")


def test_a_repeated_request_is_answered_as_the_first_was(engine: Engine) -> None:
    """The service was killed after its commit, before its answer."""
    first = engine.done("ADD")
    assert engine.done("ADD", repeated=True) == first
    assert engine.code("ADD", ifname="eth0", name="red", repeated=True)[0] == 101
    assert engine.code("ADD", netns="/run/netns/b", repeated=True)[0] == 101
    assert engine.done("ADD", "c2", "/run/netns/b", repeated=True)["ips"] != first["ips"]
    assert engine.code("ADD")[0] == 101


def test_a_repeated_request_of_podman_is_answered_as_the_first_was(engine: Engine) -> None:
    network = {
        "name": "green",
        "subnets": [{"subnet": "10.7.0.0/24"}],
        "options": {"com.docker.network.bridge.name": "br-green"},
    }
    status, first = engine.netavark("create", **network)
    assert status == 0, first
    assert engine.netavark("create", repeated=True, **network) == (0, first)
    assert "would have no effect" in engine.netavark("create", **network)[1]["error"]


def test_what_is_remembered_does_not_grow_with_the_containers_that_were_served() -> None:
    core.import_all()
    modules = [module for name, module in sys.modules.items() if name.startswith(("_cnm", "cnm_"))]
    cached = {each for module in modules for each in vars(module).values() if hasattr(each, "cache_info")}
    unlimited = {each.__name__ for each in cached if each.cache_info().maxsize is None}
    # Their arguments are kinds, types, versions, descriptors and error numbers.
    assert unlimited == {
        "_addition",
        "_by_index_template",
        "_form",
        "_library",
        "_loaded",
        "_main_table",
        "_own_namespaces",
        "_place",
        "_shape",
        "boot_id",
        "machine_id",
        "nsid_request",
        "strerror",
    }


def test_the_garbage_collector_does_not_go_through_what_was_imported() -> None:
    core.import_all()
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    assert frozen > 10000
