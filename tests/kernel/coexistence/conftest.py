# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on which playbooks run next to other people's programs."""

from __future__ import annotations

import pytest
from lab import OUTSIDE4, UPLINK4, command
from playbook import Playbook
from stand_in import OUTSIDE, Host


@pytest.fixture()
def play(host: Host) -> Playbook:
    """Tasks on a host whose uplink works at once."""
    # Recreate the uplink with the outer end up first: the kernel may take a second to notice a peer that comes up
    # later.
    command("ip link delete uplink")
    host.ip(f"link add uplink type veth peer name wan netns {OUTSIDE}\naddress add {UPLINK4}/24 dev uplink\n")
    host.ip(f"address add {OUTSIDE4}/24 dev wan\nlink set wan up\n", OUTSIDE)
    host.ip(f"link set uplink up\nroute add default via {OUTSIDE4}\n")
    return Playbook(host)
