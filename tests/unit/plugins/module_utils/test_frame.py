# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frames that announce the MAC address of an IP address, and those that ask for it."""

from __future__ import annotations

import struct

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.rtnl.frame import answer, claim, question

MAC = "024200000102"


def test_a_gratuitous_arp_request():
    body = "0001" + "0800" + "06" + "04" + "0001" + MAC + "0a010002" + "00" * 6 + "0a010002"
    assert claim("10.1.0.2", "02:42:00:00:01:02").hex() == "ff" * 6 + MAC + "0806" + body + "00" * 18


def test_an_unsolicited_advertisement_that_overrides():
    source, everybody = "fd0000010000000000000000000000" + "02", "ff0200000000000000000000000000" + "01"
    frame = claim("fd00:1::2", "02:42:00:00:01:02").hex()
    head = "333300000001" + MAC + "86dd" + "60000000" + "0020" + "3a" + "ff" + source + everybody
    assert frame.startswith(head + "8800")
    assert frame[len(head) + 8 :] == "20000000" + source + "0201" + MAC
    assert is_sound(frame)


def is_sound(frame):
    """Return whether the checksum of FRAME, in hexadecimal digits, is correct."""
    addresses, body = frame[44:108], frame[108:]
    covered = bytes.fromhex(addresses + f"{len(body) // 2:08x}" + "0000003a" + body)
    total = sum(struct.unpack(f"!{len(covered) // 2}H", covered))
    return (total & 0xFFFF) + (total >> 16) == 0xFFFF


def test_a_question_of_somebody_without_an_address():
    body = "0001" + "0800" + "06" + "04" + "0001" + MAC + "00000000" + "00" * 6 + "0a010002"
    assert question("10.1.0.2", "02:42:00:00:01:02").hex() == "ff" * 6 + MAC + "0806" + body + "00" * 18
    frame = question("fd00:1::2:3", "02:42:00:00:01:02").hex()
    assert frame.startswith("3333ff020003" + MAC + "86dd" + "60000000" + "0020" + "3a" + "ff")
    assert frame[44:108] == "fe80" + "00" * 6 + "004200fffe000102" + "ff02" + "00" * 9 + "01ff" + "020003"
    assert frame[108:112] == "8700" and frame[116:] == "00" * 4 + "fd000001" + "00" * 8 + "00020003" + "0101" + MAC
    assert is_sound(frame)


def test_an_answer_is_told_from_all_else():
    asked = question("10.1.0.2", "02:42:00:00:01:02")
    replied = asked[:21] + b"\x02" + asked[22:28] + bytes([10, 1, 0, 7]) + asked[32:]
    assert answer(replied) == "10.1.0.7"
    assert answer(claim("fd00:1::2", "02:42:00:00:01:02")) == "fd00:1::2"
    for other in (asked, question("fd00:1::2", "02:42:00:00:01:02"), b"", replied[:30], b"\0" * 60):
        assert answer(other) == ""
