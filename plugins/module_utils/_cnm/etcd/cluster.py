# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to a cluster: another member is asked if one fails, and a token is renewed when it has expired."""

from __future__ import annotations

import random
import ssl
import time
from typing import Any, Dict, Mapping, Optional

from .errors import Refused, Unavailable
from .member import Json, Member, Stream
from .settings import Settings

ATTEMPT = 2.0
"""Seconds to wait for one member."""
_PAUSE = 0.05
"""Seconds between two attempts."""
_UNAUTHENTICATED = 16
_TOKEN_IS_OLD = "etcdserver: revision of auth store is old"
"""What etcd answers, with a code that means something else, after its users or roles were changed."""


class Cluster:
    """The members of a cluster. One thread uses it at a time."""

    def __init__(self, settings: Settings) -> None:
        """Create it with SETTINGS. It connects when it is used, first to a random member.

        :raises OSError: if a certificate or a key cannot be read
        """
        self._settings = settings
        self._context = _context(settings)
        self._members = [Member(url, self._context) for url in settings.endpoints]
        self._current = random.randrange(len(self._members))
        self._token = ""

    @property
    def endpoint(self) -> str:
        """The URL of the member that is asked next."""
        return self._members[self._current].url

    def ask(self, path: str, body: Mapping[str, Any]) -> Json:
        """Send BODY to PATH below ``/v3/``; return the answer.

        :raises Unavailable: if no member has answered within the patience of the settings
        :raises Refused: if etcd refuses the request
        :raises LeaseGone: if the lease does not exist
        """
        deadline = time.monotonic() + self._settings.patience
        reasons: Dict[str, str] = {}
        while True:
            member = self._members[self._current]
            try:
                return self._ask(member, path, body)
            except Unavailable as error:
                reasons[member.url] = str(error)
            self.leave()
            if time.monotonic() + _PAUSE > deadline:
                raise Unavailable(
                    f"No member has answered within {self._settings.patience:g} s. {' '.join(reasons.values())}"
                )
            time.sleep(_PAUSE)

    def stream(self, path: str, body: Mapping[str, Any]) -> Stream:
        """Send BODY to PATH below ``/v3/`` of the member that has answered last; return the messages.

        :raises: as Member.stream()
        """
        return self._members[self._current].stream(path, body, self._token, ATTEMPT)

    def same_member(self) -> Member:
        """Return the member that is asked next, with a connection of its own."""
        return Member(self.endpoint, self._context)

    def leave(self) -> None:
        """Ask another member from now on."""
        self._members[self._current].close()
        self._current = (self._current + 1) % len(self._members)

    def close(self) -> None:
        """Close the connections."""
        for each in self._members:
            each.close()

    def _ask(self, member: Member, path: str, body: Mapping[str, Any]) -> Json:
        if not self._settings.user:
            return member.ask(path, body, "", ATTEMPT)
        if self._token:
            try:
                return member.ask(path, body, self._token, ATTEMPT)
            except Refused as error:
                if error.code != _UNAUTHENTICATED and _TOKEN_IS_OLD not in str(error):
                    raise
        who = {"name": self._settings.user, "password": self._settings.password}
        self._token = str(member.ask("auth/authenticate", who, "", ATTEMPT)["token"])
        return member.ask(path, body, self._token, ATTEMPT)


def _context(settings: Settings) -> Optional[ssl.SSLContext]:
    """Return what https needs; None if no endpoint uses it."""
    if not any(url.startswith("https:") for url in settings.endpoints):
        return None
    context = ssl.create_default_context(cafile=settings.ca or None)
    if settings.certificate:
        context.load_cert_chain(settings.certificate, settings.key or None)
    return context
