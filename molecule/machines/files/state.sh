#!/bin/sh
# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Says what is there of ours. Numbers of interfaces differ after a boot, and so does their order.

set -eu
short() { sed 's/@[a-z0-9]*//; s/  */ /g'; }

{
    ip -brief link show group 6516333 | awk '{print $1, $2, $4}'
    ip -brief -4 address show group 6516333
    ip neighbour show nud permanent
} | short | sort
ip rule
for path in /run/netns/*; do
    name=${path##*/}
    echo "$name:"
    ip netns exec "$name" ip -brief address | short
    ip netns exec "$name" ip route
    cat "/etc/netns/$name/hosts"
done
