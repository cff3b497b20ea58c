# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change the copy at the given path so that a task reports that it has loaded it, instead of doing its work."""

import marshal
import sys
import zlib

ANSWER = """
def run_info(kind, arguments):
    print('{"changed": false, "copied": true}')
    raise SystemExit
"""
with open(sys.argv[1], "r+b") as file:
    compiled = marshal.loads(file.read()[4:])
    (task,) = [path for path in compiled if path.endswith("/_cnm/task.py")]
    compiled[task] = marshal.dumps(compile(ANSWER, task, "exec"))
    data = marshal.dumps(compiled)
    file.seek(0)
    file.truncate()
    file.write(zlib.crc32(data).to_bytes(4, "big") + data)
