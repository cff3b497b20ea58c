# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame that tells where a MAC address is now."""

from __future__ import annotations

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.announcement import frame


def test_a_reverse_arp_request_as_moving_machines_send_it():
    mac = "024200000102"
    expected = "ff" * 6 + mac + "8035" + "0001" + "0800" + "06" + "04" + "0003" + mac + "00000000" + mac + "00000000"
    assert frame("02:42:00:00:01:02").hex() == expected + "00" * 18
