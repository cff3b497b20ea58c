# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's remote network driver and remote IPAM driver (docs/remote.md and docs/ipam.md of moby's libnetwork)."""
