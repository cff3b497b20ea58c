# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Docker's objects are found among ours: by the names of endpoints and sandboxes, and by ids of networks."""

from __future__ import annotations

import os
import re
import secrets
from typing import Optional

from _cnm.engines import SHORT_ID
from _cnm.model.endpoint import Endpoint
from _cnm.model.network import Network
from _cnm.store.objects import SqliteStore

from ..fields import Fields

ENGINE = "docker"
_ID = re.compile(r"[0-9a-f]{12,64}")
_ENDPOINT = re.compile(r"docker-[0-9a-f]{12}")
_ADDRESS = re.compile(r"docker-ip-[0-9a-f]{12}")


def read(request: Fields, key: str) -> str:
    """Return the id KEY of REQUEST; add to its problems if it is not an id of Docker."""
    text = request.required(key)
    if text and not _ID.fullmatch(text):
        request.problems.add(f"{request.name(key)} is '{text[:100]}', which is not an id.")
    return text


def endpoint_name(identifier: str) -> str:
    """Return the name of the endpoint that is Docker's with that id."""
    return f"docker-{identifier[:SHORT_ID]}"


def new_address_name() -> str:
    """Return a name for an endpoint that reserves an address until Docker creates its endpoint."""
    return f"docker-ip-{secrets.token_hex(SHORT_ID // 2)}"


def reserves_address(endpoint: Endpoint) -> bool:
    """Say whether ENDPOINT only reserves an address."""
    return bool(_ADDRESS.fullmatch(endpoint.name))


def is_of_docker(endpoint: Endpoint) -> bool:
    """Say whether ENDPOINT is one of Docker's."""
    return bool(_ENDPOINT.fullmatch(endpoint.name))


def sandbox_name(key: str) -> str:
    """Return the name of the sandbox whose namespace is at the path KEY, which ends with Docker's id of it."""
    return f"docker-{os.path.basename(key)}"


def network_of(store: SqliteStore, identifier: str) -> Optional[Network]:
    """Return our network that is Docker's with that id; None if there is none."""
    return next((network for network in store.networks() if identifier[:SHORT_ID] in network.docker_networks), None)
