# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of the role wireguard, on three hosts."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fleet import Fleet, Member, until
from wireguard import INTERFACE, KERNEL_HAS_IT, PORT, SETTINGS, inner, needs_wireguard, tunnels

pytestmark = needs_wireguard


def settings(member: Member) -> str:
    with member.here():
        return SETTINGS.read_text()


def key(member: Member) -> str:
    """Return the private key of MEMBER."""
    (private,) = re.findall("^PrivateKey = (.+)$", settings(member), re.MULTILINE)
    return str(private)


def reach(one: Member, other: Member) -> bool:
    return one.run("ping", "-c1", "-W1", inner(other), check=False).returncode == 0


@contextmanager
def uninterrupted(one: Member, other: Member) -> Iterator[None]:
    """Fail if a packet from ONE to OTHER is lost during the block."""
    with one.here():
        argv = ["ping", "-i", "0.02", "-q", inner(other)]
        running = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        running.send_signal(2)
        said = running.communicate()[0]
    sent, received = map(int, re.findall(r"(\d+) packets transmitted, (\d+) received", said)[0])
    assert received >= sent - 1, f"the last one may have been on its way: {said}"


@pytest.mark.machine
def test_hosts_come_and_go(fleet: Fleet) -> None:
    one, two, three = fleet.members
    with tunnels(one, two) as made:
        assert made.run(check=True)["h1"] == ["A private key was made.", "The settings were changed."]
        assert made.run()["h1"] == ["A private key was made.", "Peer 'h2' was added."]
        assert made.run() == made.run(check=True) == {"h1": [], "h2": []}
        assert until(lambda: reach(one, two))
        with one.here():
            assert SETTINGS.stat().st_mode & 0o777 == 0o600
        (link,) = one.listed("ip", "-details", "link", "show", INTERFACE)
        assert link["mtu"] == 1440, "that of the host, less 60 bytes between IPv4 addresses"
        assert (link["linkinfo"]["info_kind"] == "wireguard") is KERNEL_HAS_IT, "otherwise it is wireguard-go's"

        made.members.append(three)
        with uninterrupted(one, two):
            assert made.run(one, two, check=True)["h1"] == []
            assert made.ask(one, "apply", {})["unknown"] == ["h3"], "it has not taken part yet"
            changed = made.run()
        assert changed["h1"] == ["Peer 'h3' was added.", "The interface got its keys and peers."]
        assert until(lambda: reach(three, one) and reach(two, three))
        assert made.run(one) == {"h1": []}, "the keys of hosts that do not take part are kept"

        made.members.remove(three)
        with uninterrupted(one, two):
            assert "Peer 'h3' was removed." in made.run()["h1"]
        assert not reach(one, three)
        made.down(three)


@pytest.mark.machine
def test_new_keys_and_what_somebody_changes(fleet: Fleet) -> None:
    one, two, _three = fleet.members
    with tunnels(one, two) as made:
        made.run()
        before = {member: key(member) for member in made.members}
        assert made.run(rotate=True, check=True)["h1"] == ["A new private key was made."]
        assert {member: key(member) for member in made.members} == before
        # A play that ends after the hosts have made their keys.
        made.ask(one, "key", rotate=True)
        assert made.run(one) == {"h1": []} and key(one) == before[one]
        changed = made.run(rotate=True)
        assert "A new private key was made." in changed["h2"] and "Peer 'h1' has another key." in changed["h2"]
        assert not {key(member) for member in made.members} & set(before.values())
        assert until(lambda: reach(one, two))
        with one.here():
            assert sorted(os.listdir(SETTINGS.parent)) == [SETTINGS.name]

        for command in (
            f"wg set {INTERFACE} listen-port 51821 peer $(wg show {INTERFACE} peers) remove",
            f"ip address delete {inner(one)}/24 dev {INTERFACE}; ip address add 10.254.0.99/24 dev {INTERFACE}",
            f"ip link set {INTERFACE} mtu 1400 down",
        ):
            one.run("sh", "-c", command)
        assert (
            made.run(one, check=True)
            == made.run(one)
            == {
                "h1": [
                    "The interface got its keys and peers.",
                    "The interface got an MTU of 1440 bytes.",
                    f"The interface got the address {inner(one)}/24.",
                ]
            }
        )
        assert made.run(one) == {"h1": []}
        assert until(lambda: reach(one, two))
        assert made.run(one, mtu=1380, keepalive=25)["h1"]
        made.down(one)
        made.up(one)
        assert made.run(one, mtu=1380, keepalive=25) == {"h1": []}, "the same as what a boot makes of the settings"


def test_what_is_refused(fleet: Fleet) -> None:
    one, two, _three = fleet.members
    with tunnels(one, two) as made:

        def problems(**more: object) -> str:
            return " ".join(made.ask(one, "look", **more)["problems"])

        texts = problems(
            interface="a b",
            mtu=5,
            keepalive=-1,
            peers=[
                {**made.host(two), **more}
                for more in (
                    {"name": "h2\nPostUp = x", "endpoint": "h2\nPostUp = x", "port": 0, "address": "10.254.0.2"},
                    {"address": f"{inner(one)}/24"},
                    {"address": "10.255.0.2/24"},
                )
            ],
        )
        for sentence in (
            "'a b' is not a name for an interface",
            "5 is not a number of bytes",
            "-1 is not a number of seconds",
            "has a character other than letters",
            "is neither an address nor a DNS name",
            "is not a UDP port",
            "not an address with a prefix length, such as 10.254.0.1/24",
            "10.254.0.1 is that of 'h1' and of 'h2'",
            "10.255.0.2 of 'h2' is not in 10.254.0.0/24",
        ):
            assert sentence in texts
        made.run()
        one.run("ip", "link", "add", "vxlan7", "type", "vxlan", "id", "7", "dev", INTERFACE, "dstport", "4789")
        assert "The VXLAN device 'vxlan7' sends through 'wg-cnm'" in problems(wanted=False)
        one.run("ip", "link", "delete", "vxlan7")
        assert problems(wanted=False) == problems() == ""
        with one.here():
            text = SETTINGS.read_text()
            SETTINGS.write_text(text.split("\n", 1)[1])
        assert "/etc/wireguard/wg-cnm.conf is not the role's" in problems()
        assert not made.ask(one, "look", wanted=False)["ours"], "so that nothing is removed"
        with one.here():
            SETTINGS.unlink()
        assert "There is an interface 'wg-cnm' that is not the role's" in problems()
        made.down(one)
        with one.here():
            taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with taken:
            taken.bind(("", PORT))
            assert problems() == f"UDP port {PORT} is in use. Give another one by cnm_wireguard_port."
