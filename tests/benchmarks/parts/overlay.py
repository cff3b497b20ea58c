# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A TCP stream and the round trip between two hosts, with the hosts' own addresses and over overlays."""

from __future__ import annotations

import contextlib
import functools
import json
import statistics
import subprocess
from collections.abc import Iterator

from clock import Cost
from fleet import Fleet
from host import on_a_fleet
from overlays import HOST, NAMES, Endpoint, overlay
from probe import Probe
from record import Key, Record

from . import Plan, peer_of

HOSTS = 2
SECONDS = 3
TRIPS = 1000
_OFFLOADS = {
    "tso": "tcp-segmentation-offload",
    "gso": "generic-segmentation-offload",
    "gro": "generic-receive-offload",
}


def run(plan: Plan, record: Record) -> None:
    """Measure the overlays in turn.

    The Cost of a stream is per gigabit, with the CPU time of both iperf3 processes. That of a round trip is its time.
    """
    for _round in range(plan.rounds):
        for name in NAMES:
            if name == "underlay" or peer_of(name) in plan.peers:
                for what, cost in on_a_fleet(HOSTS, functools.partial(_measure, name=name)):
                    record.add(Key("overlay", what, HOSTS, name), cost)


def _measure(fleet: Fleet, name: str) -> list[tuple[str, Cost]]:
    measured = overlay(name)(fleet)
    try:
        one, two = measured.endpoint(1), measured.endpoint(2)
        with Probe(one, two.address) as probe:
            probe.until()
            costs = [("round trip", Cost(statistics.median(probe.round_trips(TRIPS)), float("nan")))]
        costs.append(("TCP", _stream(one, two)))
        for each in (one, two):
            for namespace in dict.fromkeys((*measured.namespaces(each.member), each.namespace)):
                with each.member.here():
                    _no_offloads(namespace)
        with fleet.switch.here():
            _no_offloads(HOST)
        costs.append(("TCP, offloads off", _stream(one, two)))
        return costs
    finally:
        measured.close()


def _stream(client: Endpoint, server: Endpoint) -> Cost:
    command = ["iperf3", "--json", "--omit", "1", "--time", str(SECONDS), "--client", server.address]
    with _listening(server):
        with client.member.here():
            inside = ["nsenter", f"--net={client.namespace}", *command]
            done = subprocess.run(inside, capture_output=True, text=True, check=False)
        end = json.loads(done.stdout).get("end")
        if done.returncode or not end:
            raise RuntimeError(f"iperf3: {done.stdout}{done.stderr}")
    each = 1e9 / end["sum_received"]["bits_per_second"]
    percents = end["cpu_utilization_percent"]
    return Cost(each, each * (percents["host_total"] + percents["remote_total"]) / 100)


@contextlib.contextmanager
def _listening(endpoint: Endpoint) -> Iterator[None]:
    """Run an iperf3 server at ENDPOINT during the block."""
    command = ["iperf3", "--server", "--one-off", "--forceflush", "--bind", endpoint.address]
    with endpoint.member.here():
        inside = ["nsenter", f"--net={endpoint.namespace}", *command]
        server = subprocess.Popen(inside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert server.stdout
        if not any("listening" in line for line in server.stdout):
            raise RuntimeError("iperf3 does not listen")
        yield
    finally:
        server.kill()
        server.communicate()


def _no_offloads(namespace: str) -> None:
    """Turn off the offloads that combine small packets into large ones, on all links of NAMESPACE."""
    inside = ["nsenter", f"--net={namespace}"]
    listing = subprocess.run([*inside, "ip", "-json", "link"], capture_output=True, text=True, check=True)
    for link in [each["ifname"] for each in json.loads(listing.stdout) if "LOOPBACK" not in each["flags"]]:
        off = [word for short in _OFFLOADS for word in (short, "off")]
        subprocess.run([*inside, "ethtool", "-K", link, *off], capture_output=True, check=False)
        shown = subprocess.run([*inside, "ethtool", "-k", link], capture_output=True, text=True, check=True).stdout
        left = [name for name in _OFFLOADS.values() if f"{name}: on" in shown]
        if left:
            raise RuntimeError(f"{link} keeps {', '.join(left)}")
