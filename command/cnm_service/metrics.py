# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics for Prometheus: what is in the store, and counts of what runs have told since the service has started."""

from __future__ import annotations

import json
import os
import socket
import threading
import traceback
from contextlib import suppress
from typing import Iterator, Sequence

from _cnm import observation
from _cnm.model.errors import CnmError
from _cnm.private_files import make_private
from _cnm.store import FOLDER, schema
from _cnm.store.objects import SqliteStore
from cnm_command import VERSION
from cnm_command.errors import Failure

from .listeners import Listeners

# The times at which counters were created would be half of all samples. Before 0.14, the library has no such setting.
os.environ.setdefault("PROMETHEUS_DISABLE_CREATED_SERIES", "True")
try:
    from prometheus_client import CollectorRegistry, Counter, Histogram
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.exposition import MetricsHandler
except ImportError as error:
    raise Failure(
        f"metrics need the Python library prometheus_client: {error}. Install the package python3-prometheus-client, "
        "or leave metrics out."
    ) from error

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Seconds."""
_SILENCE = 5.0
"""Seconds that a client may take to send its request, or to take the answer."""
_LONGEST = 1 << 12
"""Bytes of an observation; those that are sent have about a hundred."""


class _Handler(MetricsHandler):
    """Answers with the metrics, or says why they cannot be read."""

    timeout = _SILENCE

    def do_GET(self) -> None:
        """Answer a request."""
        try:
            super().do_GET()
        except CnmError as error:
            self.send_error(500, explain=str(error))


class _Store:
    """Collects what is in the store whenever it is asked."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics of the store.

        :raises CnmError: if it cannot be read
        """
        networks = GaugeMetricFamily("cnm_networks", "Networks on this host.", labels=["driver"])
        sandboxes = GaugeMetricFamily("cnm_sandboxes", "Sandboxes on this host.", labels=["state"])
        endpoints = GaugeMetricFamily("cnm_endpoints", "Endpoints of this host on a network.", labels=["network"])
        # Not by a controller: it would have to wait for its turn.
        if os.path.exists(schema.path(self._folder)):
            with schema.explained(self._folder), SqliteStore.open(self._folder, write=False) as store:
                store.begin(write=False)
                for driver, count in store.networks_by_driver().items():
                    networks.add_metric([driver], count)
                for runs, count in store.sandboxes_by_state().items():
                    sandboxes.add_metric(["running" if runs else "stopped"], count)
                for network, count in store.endpoints_by_network().items():
                    endpoints.add_metric([network], count)
        version = GaugeMetricFamily("cnm_build_info", "Always 1; its label is the version.", labels=["version"])
        version.add_metric([VERSION], 1)
        yield from (networks, sandboxes, endpoints, version)


class Metrics:
    """Counts what runs tell, and answers scrapes, in threads beside the one that works."""

    def __init__(self, listeners: Listeners, scraped: Sequence[socket.socket], folder: str = FOLDER) -> None:
        """Answer on SCRAPED, with what is in the store in FOLDER.

        :param listeners: makes the socket on which runs tell what they have done
        :raises Failure: if that is not possible
        """
        registry = CollectorRegistry()
        registry.register(_Store(folder))
        self._runs = Counter("cnm_runs", "Runs that have ended.", ["verb", "result"], registry=registry)
        self._seconds = Histogram(
            "cnm_run_duration_seconds",
            "How long runs took, with their wait for other runs.",
            ["verb"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._drift = Counter(
            "cnm_drift_repaired",
            "Resources that were missing or changed on the host, and that runs have repaired.",
            ["verb"],
            registry=registry,
        )
        self._requests = Counter(
            "cnm_engine_requests", "Requests of container engines.", ["protocol", "result"], registry=registry
        )
        for verb in observation.VERBS:
            self._drift.labels(verb)
            self._seconds.labels(verb)
            for result in observation.RESULTS:
                self._runs.labels(verb, result)
        self._handler = type("_Handler", (_Handler,), {"registry": registry})
        self._scraped = scraped
        make_private(os.path.dirname(observation.SOCKET))
        self._told = listeners.bound(observation.SOCKET, socket.SOCK_DGRAM)

    def start(self) -> None:
        """Begin."""
        for each in self._scraped:
            each.setblocking(True)
            threading.Thread(target=self._answer, args=(each,), daemon=True).start()
        threading.Thread(target=self._count, daemon=True).start()

    def end(self) -> None:
        """Do nothing: the threads can be ended at any time."""

    def _answer(self, listener: socket.socket) -> None:
        """Answer one client after the other. So local users cannot make the service start threads for them."""
        while True:
            try:
                with listener.accept()[0] as connection:
                    self._handler(connection, "", None)
            except OSError:
                # The client has gone.
                continue
            except Exception:
                traceback.print_exc()

    def _count(self) -> None:
        while True:
            with suppress(ValueError, KeyError):
                self.count(self._told.recv(_LONGEST))

    def count(self, datagram: bytes) -> None:
        """Count what a run or a request has told in DATAGRAM.

        :raises ValueError: if that is not known
        :raises KeyError: if it is not complete
        """
        told = json.loads(datagram)
        if "protocol" in told:
            self._requests.labels(told["protocol"], told["result"]).inc()
            return
        self._runs.labels(told["verb"], told["result"]).inc()
        self._seconds.labels(told["verb"]).observe(told["seconds"])
        self._drift.labels(told["verb"]).inc(told["drift"])
