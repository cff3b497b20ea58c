# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what the role needs to know about the host, as JSON. It changes nothing, and runs on Python 3.7 and later.

The argument is JSON, too: modules, directories, links and paths are lists of names, modes are wanted modes of
directories by path, sysctls are wanted values by key, pools are dictionaries of base and size, and state is the path of
a JSON file.
"""

import ipaddress
import json
import os
import stat
import subprocess
import sys


def run(*argv):
    """Return the exit status and the output of ARGV; 127 if there is no such program."""
    environment = dict(os.environ, LC_ALL="C", PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin")
    try:
        done = subprocess.run(argv, capture_output=True, check=False, text=True, env=environment)
    except OSError:
        return 127, ""
    return done.returncode, done.stdout


def installed_packages():
    output = run("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n")[1]
    return sorted({line.split()[-1] for line in output.splitlines() if line[1:2] == "i"})


def module(name):
    """Return whether a kernel module is present, and whether modprobe would load one: it may be built in."""
    code, output = run("modprobe", "--show-depends", "--", name)
    here = os.path.isdir(os.path.join("/sys/module", name))
    return {"name": name, "loaded": here, "loadable": code == 0 and "insmod " in output}


def sysctl_path(key):
    """Return the file of KEY, which has dots or slashes as sysctl.d(5) allows."""
    first = next((character for character in key if character in "./"), ".")
    if first == ".":
        key = key.translate({ord("."): "/", ord("/"): "."})
    return os.path.join("/proc/sys", key)


def sysctl(key, wanted):
    try:
        with open(sysctl_path(key)) as file:
            value = " ".join(file.read().split())
    except (OSError, ValueError):
        value = None
    return {"key": key, "wanted": " ".join(str(wanted).split()), "value": value}


def link(path):
    """Return where PATH leads if it is a link, an empty text if it is something else, and None if there is nothing."""
    if os.path.islink(path):
        return os.readlink(path)
    return "" if os.path.exists(path) else None


def is_as_wanted(path, mode):
    """Return whether PATH is a directory of root with MODE."""
    if not os.path.isdir(path):
        return False
    found = os.stat(path)
    return (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (int(mode, 8), 0, 0)


def contents(path):
    """Return what the JSON file PATH contains, or None if there is no such file."""
    try:
        with open(path) as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def bridges():
    folder = "/sys/class/net"
    return sorted(name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name, "bridge")))


def pool_problems(pools):
    """Return the problems of the address POOLS, as texts."""
    problems, bases = [], []
    for pool in pools:
        try:
            base = ipaddress.IPv4Network(pool["base"])
        except ValueError as error:
            problems.append(f"'{pool['base']}' is not a subnet such as 10.200.0.0/16 ({error})")
            continue
        if not base.prefixlen <= int(pool["size"]) <= 30:
            sense = f"the size is a prefix length from {base.prefixlen} to 30"
            problems.append(f"{base} cannot be split into subnets of /{pool['size']}: {sense}")
        problems += [f"{base} overlaps {other}" for other in bases if base.overlaps(other)]
        bases.append(base)
    return problems


def main():
    asked = json.loads(sys.argv[1])
    installed = installed_packages()
    settings = [sysctl(key, value) for key, value in asked.get("sysctls", {}).items()]
    places = ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd", "/snap/bin/dockerd")
    answer = {
        "installed": installed,
        "modules": [module(name) for name in asked.get("modules", ())],
        "absent_sysctls": [setting["key"] for setting in settings if setting["value"] is None],
        "sysctls": [setting for setting in settings if setting["value"] is not None],
        "absent_directories": [path for path in asked.get("directories", ()) if not os.path.isdir(path)],
        "wrong_directories": [path for path, mode in asked.get("modes", {}).items() if not is_as_wanted(path, mode)],
        "present": [path for path in asked.get("paths", ()) if os.path.lexists(path)],
        "state": contents(asked["state"]) if "state" in asked else None,
        "docker": any(map(os.path.exists, places)),
        "bridges": bridges(),
        "links": {path: link(path) for path in asked.get("links", ())},
        "pool_problems": pool_problems(asked.get("pools", ())),
    }
    print(json.dumps(answer))


main()
