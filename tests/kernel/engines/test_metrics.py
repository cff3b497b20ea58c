# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Prometheus gets from the service."""

from __future__ import annotations

import importlib
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Callable

import pytest
from engine import Plugins
from service import service
from tasks import Tasks

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import InvalidInput
from ansible_collections.cnm.linux.plugins.module_utils._cnm.observation import SOCKET as OBSERVATIONS

WHERE = "127.0.0.1:9469"
PAGE = Path(__file__).parents[3].joinpath("docs", "metrics.md").read_text()
Scrape = Callable[[], dict[str, float]]


def scraped(text: str) -> dict[str, float]:
    """Return the samples in TEXT, as Prometheus reads it."""
    parser = importlib.import_module("prometheus_client.parser")
    families = list(parser.text_string_to_metric_families(text))
    assert all(family.documentation and family.type != "unknown" for family in families)
    assert all(f"`{family.name}`" in PAGE or f"`{family.name}_total`" in PAGE for family in families)
    samples: dict[str, float] = {}
    for sample in (sample for family in families for sample in family.samples):
        labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
        samples[f"{sample.name}{{{labels}}}"] = sample.value
    return samples


def seen(scrape: Scrape, name: str, at_least: float) -> dict[str, float]:
    """Return what SCRAPE returns as soon as the service has taken what runs have told it: NAME is AT_LEAST that."""
    deadline = time.monotonic() + 60
    while True:
        samples = scrape()
        if samples.get(name, 0) >= at_least:
            return samples
        assert time.monotonic() < deadline, samples


def test_prometheus_sees_what_exists_and_what_runs_did(
    tasks: Tasks, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scrape() -> dict[str, float]:
        with urllib.request.urlopen(f"http://{WHERE}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return scraped(answer.read().decode())

    with service(f"--metrics={WHERE}") as running:
        monkeypatch.syspath_prepend(running.libraries)
        samples = scrape()
        assert samples["cnm_endpoints{network=n}"] == samples["cnm_runs_total{result=refused,verb=ensure}"] == 0
        tasks.sandbox("web", "n")
        tasks.sandbox("web", "n")
        tasks.host.ip("link del eth0\n", "/run/netns/web")
        tasks.sandbox("web", "n")
        with pytest.raises(InvalidInput):
            tasks.sandbox("db", "nowhere")
        samples = seen(scrape, "cnm_runs_total{result=refused,verb=ensure}", 1)
        assert samples["cnm_runs_total{result=changed,verb=ensure}"] == 2
        assert samples["cnm_runs_total{result=unchanged,verb=ensure}"] == 1
        assert samples["cnm_drift_repaired_total{verb=ensure}"] > 0
        assert samples["cnm_run_duration_seconds_count{verb=ensure}"] == 4
        assert 0 < samples["cnm_run_duration_seconds_sum{verb=ensure}"] < 60
        assert samples["cnm_networks{driver=bridge}"] == 2 and samples["cnm_networks{driver=null}"] == 1
        assert samples["cnm_sandboxes{state=running}"] == samples["cnm_endpoints{network=n}"] == 1
        plugins.namespace("c")
        plugins.done("ADD", "c")
        assert plugins.call("ADD", "c")[0] == 1
        samples = seen(scrape, "cnm_engine_requests_total{protocol=cni,result=refused}", 1)
        assert samples["cnm_engine_requests_total{protocol=cni,result=done}"] == 1
        assert samples["cnm_endpoints{network=n}"] == 2
        Path("/var/lib/cnm/cnm.db").write_bytes(b"damaged")
        with pytest.raises(urllib.error.HTTPError, match="500"):
            scrape()
        Path("/var/lib/cnm/cnm.db").unlink()
        assert "cnm_endpoints{network=n}" not in scrape()
    assert not Path(OBSERVATIONS).exists()
