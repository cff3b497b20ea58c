# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plugin of a container engine: ``cnm_engine.py cni`` or ``cnm_engine.py netavark ARGUMENT...``."""

import sys

import core_path

core_path.add()

from cnm_engines.main import main

sys.exit(main(sys.argv[1:]))
