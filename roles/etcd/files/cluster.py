# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets a cluster of etcd have the members and users that the role wants, through etcd's JSON gateway.

Reads an object from standard input:

- ``do``: ``find`` looks whether there is a cluster; ``join`` lets the cluster expect a new member; ``settle`` removes
  members that are no longer wanted, and ensures the users.
- ``urls``: where members answer clients; ``ca``, ``certificate`` and ``key``: paths; ``root``: the password of root.
- ``check``: whether to change nothing.
- for ``join``: ``name`` and ``peer`` (URL) of the new member.
- for ``settle``: ``peers`` (URLs of all members), ``user``, ``password`` and ``prefix``.

Writes an object with either ``problem``, or ``changed``: what was done, a line each; for ``find``, ``found``; and for
``join``, ``initial``: all members in the form of ETCD_INITIAL_CLUSTER.
"""

import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from contextlib import suppress

ATTEMPT, PATIENCE = 10, 60
"""Seconds for one request; and until members agree to a change, or a cluster has a leader."""


class Refused(Exception):
    """Etcd has answered with an error."""


class Etcd:
    """The member that answers."""

    def __init__(self, asked):
        """Find it among the URLs that were ASKED for.

        ``url`` is None if none answers. ``is_new`` says whether that is because nobody listens there.
        """
        context = ssl.create_default_context(cafile=asked["ca"])
        context.load_cert_chain(asked["certificate"], asked["key"])
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        self._opener = urllib.request.build_opener(*handlers)
        self._check = asked["check"]
        self._token = ""
        self.changed = []
        self.has_users = False
        self.url = self.problem = None
        self.is_new = False
        self._deadline = time.monotonic() + PATIENCE
        while self.url is None and not self.is_new and time.monotonic() < self._deadline:
            self._look(asked["urls"], asked["root"])
            # Members that were started a moment ago may not listen yet.
            self.is_new = self.is_new and asked["do"] == "find"

    def _look(self, urls, password):
        reasons = []
        for url in urls:
            try:
                self._greet(url, password)
                return
            except OSError as error:
                reasons.append(getattr(error, "reason", error))
                self.problem = f"{url}: {reasons[-1]}"
        self.is_new = all(isinstance(each, ConnectionRefusedError) for each in reasons)
        time.sleep(0.5)

    def _greet(self, url, password):
        self.url = url
        try:
            self._token = self._ask("auth/authenticate", name="root", password=password)["token"]
            self.has_users = True
        except Refused as error:
            if "authentication is not enabled" not in str(error):
                raise
        except OSError:
            self.url = None
            raise

    def ask(self, path, **body):
        """Return the answer to BODY at PATH."""
        while True:
            try:
                return self._ask(path, **body)
            except OSError:
                # A member that has just started counts as unhealthy for five seconds. Removing the leader takes an
                # election.
                if time.monotonic() > self._deadline:
                    raise
            time.sleep(0.5)

    def _ask(self, path, **body):
        headers = {"Content-Type": "application/json", **({"Authorization": self._token} if self._token else {})}
        request = urllib.request.Request(f"{self.url}/v3/{path}", json.dumps(body).encode(), headers)
        try:
            with self._opener.open(request, timeout=ATTEMPT) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            if error.code >= 500:
                raise OSError(text) from error
            with suppress(KeyError, TypeError, ValueError):
                text = json.loads(text)["error"]
            raise Refused(f"etcd at '{self.url}' answers '{text}'.") from error

    def change(self, what, path, **body):
        """Do WHAT, unless this is check mode."""
        self.changed.append(what)
        if not self._check:
            self.ask(path, **body)


def join(etcd, asked):
    """Let the cluster expect the member; return all members."""
    members = etcd.ask("cluster/member/list")["members"]
    (mine,) = [each for each in members if asked["peer"] in each["peerURLs"]] or [None]
    # A member that has started has a name. It has lost its data, and etcd would not take it back.
    if mine is not None and mine.get("name"):
        etcd.change(
            f"remove the member {mine['name']}, which has lost its data", "cluster/member/remove", ID=mine["ID"]
        )
    if mine is None or mine.get("name"):
        etcd.change(f"add the member {asked['name']}", "cluster/member/add", peerURLs=[asked["peer"]])
    others = [each for each in members if each is not mine]
    pairs = [(each["name"], url) for each in others if each.get("name") for url in each["peerURLs"]]
    return ",".join(f"{name}={url}" for name, url in [*pairs, (asked["name"], asked["peer"])])


def settle(etcd, asked):
    """Remove other members, and ensure the users."""
    for each in etcd.ask("cluster/member/list")["members"]:
        if not set(each["peerURLs"]) & set(asked["peers"]):
            etcd.change(
                f"remove the member {each.get('name') or each['peerURLs'][0]}", "cluster/member/remove", ID=each["ID"]
            )
    roles = etcd.ask("auth/role/list").get("roles", [])
    users = etcd.ask("auth/user/list").get("users", [])
    user = asked["user"]
    for name, password in (("root", asked["root"]), (user, asked["password"])):
        if name not in roles:
            etcd.change(f"add the role {name}", "auth/role/add", name=name)
        if name not in users:
            etcd.change(f"add the user {name}", "auth/user/add", name=name, password=password)
        has = etcd.ask("auth/user/get", name=name).get("roles", []) if name in users else []
        if name not in has:
            etcd.change(f"give the user {name} its role", "auth/user/grant", user=name, role=name)
        for other in set(has) - {name}:
            etcd.change(f"take the role {other} from the user {name}", "auth/user/revoke", name=name, role=other)
    permit(etcd, user, asked["prefix"], etcd.ask("auth/role/get", role=user).get("perm", []) if user in roles else [])
    if not etcd.has_users:
        etcd.change("switch users on", "auth/enable")
    elif user in users and not knows(etcd, user, asked["password"]):
        etcd.change(
            f"change the password of the user {user}", "auth/user/changepw", name=user, password=asked["password"]
        )


def permit(etcd, role, prefix, present):
    """Let ROLE, which has the permissions PRESENT, read and write what begins with PREFIX, and nothing else."""
    first = prefix.encode()
    wanted = {
        "permType": "READWRITE",
        "key": b64encode(first).decode(),
        "range_end": b64encode(first[:-1] + bytes([first[-1] + 1])).decode(),
    }
    for each in present:
        if each != wanted:
            key, end = each["key"], each.get("range_end", "")
            etcd.change(
                f"take a permission from the role {role}", "auth/role/revoke", role=role, key=key, range_end=end
            )
    if wanted not in present:
        etcd.change(f"permit the role {role} the prefix {prefix}", "auth/role/grant", name=role, perm=wanted)


def knows(etcd, user, password):
    """Return whether PASSWORD is that of USER."""
    try:
        etcd.ask("auth/authenticate", name=user, password=password)
    except Refused:
        return False
    return True


def main():
    """Answer the question in standard input."""
    asked = json.load(sys.stdin)
    answer = {}
    try:
        etcd = Etcd(asked)
        if etcd.url is None and not etcd.is_new:
            raise Refused(f"No member answers: {etcd.problem}.")
        if asked["do"] == "find":
            answer["found"] = not etcd.is_new
        elif asked["do"] == "join":
            answer["initial"] = join(etcd, asked)
        else:
            settle(etcd, asked)
        answer["changed"] = etcd.changed
    except (OSError, Refused) as error:
        answer = {"problem": str(error)}
    json.dump(answer, sys.stdout)


main()
