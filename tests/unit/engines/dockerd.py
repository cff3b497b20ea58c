# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for dockerd: its Engine API."""

from __future__ import annotations

import json
import queue
import socketserver
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

NETWORK, ENDPOINT, CONTAINER = "c4a1" * 16, "1d54" * 16, "77aa" * 16


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        dockerd: Dockerd = self.server.dockerd  # type: ignore[attr-defined]
        path = self.path.partition("?")[0]
        dockerd.asked.append(path)
        self.send_response(200 if path in dockerd.answers or path == "/events" else 404)
        if path == "/events":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            events: "queue.Queue[Optional[Dict[str, Any]]]" = queue.Queue()
            dockerd.followers.append(events)
            while True:
                event = events.get()
                line = json.dumps(event).encode() + b"\n" if event is not None else b""
                with suppress(BrokenPipeError):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                if not line:
                    return
        answer = dockerd.answers.get(path, {})
        self._send(answer() if callable(answer) else answer)

    def do_POST(self) -> None:
        dockerd: Dockerd = self.server.dockerd  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._send_reason(dockerd.post(self.path, body))

    def do_DELETE(self) -> None:
        dockerd: Dockerd = self.server.dockerd  # type: ignore[attr-defined]
        self._send_reason(dockerd.delete(self.path))

    def _send_reason(self, reason: str) -> None:
        self.send_response(500 if reason else 201)
        self._send({"message": reason})

    def _send(self, value: Any) -> None:
        text = json.dumps(value).encode()
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing."""


class Dockerd:
    """An Engine API at a path, whose answers and events tests set."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.answers: Dict[str, Any] = {"/networks": [{"Id": NETWORK, "Name": "lan"}]}
        self.followers: "List[queue.Queue[Optional[Dict[str, Any]]]]" = []
        self.asked: List[str] = []
        self.network()

    @contextmanager
    def running(self) -> Iterator[None]:
        server = socketserver.ThreadingUnixStreamServer(self.path, _Handler)
        server.daemon_threads = True
        server.dockerd = self  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield
        server.shutdown()
        server.server_close()
        Path(self.path).unlink()
        self.put(None)

    def post(self, path: str, body: Dict[str, Any]) -> str:
        """Carry out a request with BODY; return why it is refused, empty if it is not."""
        raise NotImplementedError

    def delete(self, path: str) -> str:
        """Carry out a request to delete what is at PATH; return why it is refused, empty if it is not."""
        raise NotImplementedError

    def put(self, event: Optional[Dict[str, Any]]) -> None:
        """Tell EVENT to all who follow; None ends their connections."""
        for each in self.followers:
            each.put(event)

    def network(self, *endpoints: str) -> None:
        """Let CONTAINER be on the network with ENDPOINTS."""
        containers = {CONTAINER if one == ENDPOINT else f"ep-{one}": {"EndpointID": one} for one in endpoints}
        pools = {"Config": [{"Subnet": "10.1.0.0/24", "AuxiliaryAddresses": {"printer": "10.1.0.50"}}]}
        self.answers[f"/networks/{NETWORK}"] = {"Id": NETWORK, "Containers": containers, "IPAM": pools}

    def container(self, name: str, *aliases: str) -> None:
        """Let CONTAINER be called NAME."""
        on = {"lan": {"EndpointID": ENDPOINT, "Aliases": list(aliases) or None}, "idle": {"EndpointID": ""}}
        answer = {"Id": CONTAINER, "Name": f"/{name}", "NetworkSettings": {"Networks": on}}
        self.answers[f"/containers/{CONTAINER}/json"] = answer

    def event(self, kind: str, action: str) -> None:
        actor: Dict[str, Any] = {"ID": CONTAINER, "Attributes": {}}
        if kind == "network":
            actor = {"ID": NETWORK, "Attributes": {"container": CONTAINER}}
        self.put({"Type": kind, "Action": action, "Actor": actor})
