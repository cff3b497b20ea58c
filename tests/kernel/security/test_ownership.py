# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who owns a namespace, whatever programs in it change."""

from __future__ import annotations

import pytest
from lab import command
from tasks import Tasks, reaches

from ansible_collections.cnm.linux.plugins.module_utils._cnm.model.errors import Conflict


def test_a_sandbox_cannot_disown_its_namespace(tasks: Tasks) -> None:
    for network, subnet, sandboxes in (("red", "10.1.0.0/24", ("hostile",)), ("blue", "10.2.0.0/24", ("a", "b"))):
        tasks.network(network, subnet)
        for sandbox in sandboxes:
            tasks.sandbox(sandbox, network)
    tasks.host.ip("link set lo group 0\n", "/run/netns/hostile")
    command("nft flush ruleset")
    assert tasks.network("blue").changed
    assert reaches("a", "b", tasks.address("b", "blue"))
    assert not reaches("hostile", "a", tasks.address("a", "blue"))
    assert not tasks.restore().changed
    assert tasks.sandbox("hostile", state="absent").changed
    assert "hostile" not in command("ip netns list")


def test_a_namespace_cannot_pass_for_ours(tasks: Tasks) -> None:
    tasks.network("blue", "10.2.0.0/24")
    tasks.sandbox("web", "blue")
    command("ip netns delete web")
    command("ip netns add web")
    tasks.host.ip("link set lo group 6516333\n", "/run/netns/web")
    with pytest.raises(Conflict, match="'/run/netns/web' that was not made by us"):
        tasks.sandbox("web")
    tasks.sandbox("web", state="absent")
    assert "web" in command("ip netns list")
