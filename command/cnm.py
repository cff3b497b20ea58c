# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command cnm: from a checkout, or from /usr/local/lib/cnm, to which /usr/local/bin/cnm is a link."""

import sys

import core_path

core_path.add()

from cnm_command.main import main

sys.exit(main(sys.argv[1:]))
