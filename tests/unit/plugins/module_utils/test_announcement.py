# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frames that say which MAC address an address has now."""

from __future__ import annotations

import struct

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.announcement import frame

MAC = "024200000102"


def test_a_gratuitous_arp_request():
    body = "0001" + "0800" + "06" + "04" + "0001" + MAC + "0a010002" + "00" * 6 + "0a010002"
    assert frame("10.1.0.2", "02:42:00:00:01:02").hex() == "ff" * 6 + MAC + "0806" + body + "00" * 18


def test_an_unsolicited_advertisement_that_overrides():
    source, everybody = "fd0000010000000000000000000000" + "02", "ff0200000000000000000000000000" + "01"
    found = frame("fd00:1::2", "02:42:00:00:01:02").hex()
    head = "333300000001" + MAC + "86dd" + "60000000" + "0020" + "3a" + "ff" + source + everybody
    assert found.startswith(head + "8800")
    assert found[len(head) + 8 :] == "20000000" + source + "0201" + MAC
    covered = bytes.fromhex(source + everybody + "00000020" + "0000003a" + found[len(head) :])
    total = sum(struct.unpack(f"!{len(covered) // 2}H", covered))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF
