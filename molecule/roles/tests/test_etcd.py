# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role cnm.linux.etcd: host a is the only member, host b a client."""

import pytest

_CLIENT = """
import json, sys
sys.path.insert(0, "/usr/local/lib/cnm")
from _cnm.etcd.client import Client
from _cnm.etcd.errors import Refused
from _cnm.etcd.settings import Settings
settings = json.load(open("/etc/cnm/etcd.json"))
client = Client(Settings(**settings))
client.put("test", b"found")
print(client.get("test").value.decode())
try:
    Client(Settings(**{**settings, "prefix": "/other/"})).get("test")
except Refused as error:
    print("permission denied" in str(error))
"""


@pytest.fixture
def name(host):
    return host.check_output("hostname")


def test_a_host_reads_and_writes_what_begins_with_the_prefix_only(host, name):
    if name == "c":
        assert not host.file("/etc/cnm/etcd.json").exists
        return
    assert host.file("/etc/cnm/etcd.json").mode == 0o600
    assert host.run("python3 -c %s", _CLIENT).stdout.split() == ["found", "True"]


def test_the_member_is_started_at_boot(host, name):
    if name == "a":
        assert host.check_output("systemctl is-active etcd && systemctl is-enabled etcd").split() == [
            "active",
            "enabled",
        ]
