# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that says how the agent reaches etcd."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from typing import Any, Dict, List, Mapping, NamedTuple
from urllib.parse import urlsplit

from ..model.errors import CnmError
from ..model.suggestions import did_you_mean
from ..private_files import open_private
from .client import Client
from .settings import Settings

PATH = "/etc/cnm/etcd.json"
"""Where runs look for it."""

_PREFIX = "/cnm/"
_TEXTS = ("prefix", "ca", "certificate", "key", "user", "password", "host")
_FILES = ("ca", "certificate", "key")


class HostSettings(NamedTuple):
    """What the file says."""

    etcd: Settings
    host: str
    """What the other hosts call this one, the name of their peer; empty if they find it by the address of its VTEP."""


def read(path: str) -> HostSettings:
    """Return the settings in the file PATH, a JSON object.

    :raises CnmError: with all mistakes in it
    """
    values = _object(path)
    problems: List[str] = []
    for name in values:
        if name not in ("endpoints", *_TEXTS):
            problems.append(f"there is no setting '{name}'{did_you_mean(name, ('endpoints', *_TEXTS))}")
    texts = {name: _text(name, values, problems) for name in _TEXTS}
    host = texts.pop("host")
    settings = replace(Settings(_endpoints(values, problems), texts.pop("prefix") or _PREFIX), **texts)  # type: ignore[arg-type]
    problems += _contradictions(settings, host)
    for name in _FILES:
        if texts[name]:
            problems += _unreadable(name, texts[name])
    if not problems:
        try:
            Client(settings).close()
        except (OSError, ValueError) as error:
            problems.append(f"the certificates or the key cannot be used: {error}")
    if problems:
        raise CnmError(f"'{path}' cannot be used: {'; '.join(problems)}.")
    return HostSettings(settings, host)


def _object(path: str) -> Dict[str, Any]:
    try:
        with os.fdopen(open_private(path), "rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise CnmError(f"'{path}' cannot be used: other users can read it. Set its mode to 0600.")
            values = json.loads(file.read())
    except OSError as error:
        raise CnmError(f"'{path}' cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise CnmError(f"'{path}' is not valid JSON: {error}.") from error
    if not isinstance(values, dict):
        raise CnmError(f"'{path}' is not a JSON object.")
    return values


def _text(name: str, values: Mapping[str, Any], problems: List[str]) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not value.isprintable():
        problems.append(f"'{name}' is not a text")
        return ""
    return value


def _endpoints(values: Mapping[str, Any], problems: List[str]) -> List[str]:
    given = values.get("endpoints")
    if not isinstance(given, list) or not given:
        problems.append("'endpoints' has to be a list of URLs, such as [\"https://192.0.2.1:2379\"]")
        return []
    for each in given:
        if not _is_url(each):
            problems.append(f"'endpoints': {json.dumps(each)} is not a URL such as \"https://192.0.2.1:2379\"")
    return [str(each).rstrip("/") for each in given]


def _is_url(value: Any) -> bool:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        return (
            parts is not None
            and parts.scheme in ("http", "https")
            and bool(parts.hostname and parts.port)
            and (parts.path.strip("/"), parts.query, parts.fragment, parts.username) == ("", "", "", None)
        )
    except ValueError:
        return False


def _contradictions(settings: Settings, host: str) -> List[str]:
    problems = []
    if not settings.prefix.endswith("/"):
        problems.append(f"'prefix' has to end with '/', and '{settings.prefix}' does not")
    if settings.key and not settings.certificate:
        problems.append("'key' is useless without 'certificate'")
    if bool(settings.user) != bool(settings.password):
        problems.append("'user' and 'password' have to be given together")
    if "/" in host or " " in host:
        problems.append(f"'host': '{host}' is not the name of a host")
    return problems


def _unreadable(name: str, path: str) -> List[str]:
    if not os.path.isabs(path):
        return [f"'{name}': '{path}' is not an absolute path"]
    try:
        with open(path, "rb"):
            return []
    except OSError as error:
        return [f"'{name}': '{path}' cannot be read: {error.strerror}"]
