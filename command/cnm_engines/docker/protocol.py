# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a request of Docker to the answer. Nothing is kept in memory."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional

from _cnm.model.errors import CnmError, Problems, printable
from _cnm.observation import tell_of_request
from cnm_command.errors import Failure

from ..errors import EngineError
from ..fields import Fields, decoded
from ..runs import Core, Warn
from . import endpoints, ipam, networks
from .runs import refusal

MEDIA_TYPE = "application/vnd.docker.plugins.v1.2+json"
_Handler = Callable[[Core, Fields, Warn], Mapping[str, Any]]


class Answer(NamedTuple):
    """The answer to a request."""

    status: int
    """Of HTTP. Docker wants errors with status 200."""
    value: Mapping[str, Any]
    bug: Optional[Exception] = None
    """An exception that nobody foresaw."""


_REPEATED = (
    "The service cnm ended before it could answer, and Docker has repeated its request without the contents. Try again."
)
"""When a connection breaks, moby's plugin client sends again what is left of the contents, which is nothing
(callWithRetry in pkg/plugins/client.go)."""


_ANSWERS: Dict[str, Mapping[str, Any]] = {
    "/Plugin.Activate": {"Implements": ["NetworkDriver", "IpamDriver"]},
    "/NetworkDriver.GetCapabilities": {"Scope": "local", "ConnectivityScope": "global"},
    "/NetworkDriver.EndpointOperInfo": {"Value": {}},
    "/NetworkDriver.ProgramExternalConnectivity": {},
    "/NetworkDriver.RevokeExternalConnectivity": {},
    "/NetworkDriver.DiscoverNew": {},
    "/NetworkDriver.DiscoverDelete": {},
    "/IpamDriver.GetCapabilities": {"RequiresMACAddress": False, "RequiresRequestReplay": False},
    # Docker 27 and newer does not ask again and again for a pool of the global space.
    "/IpamDriver.GetDefaultAddressSpaces": {"LocalDefaultAddressSpace": "cnm", "GlobalDefaultAddressSpace": "cnm"},
    # A pool lives as long as its network.
    "/IpamDriver.ReleasePool": {},
}
"""What is always answered, whatever a request contains."""

_HANDLERS: Dict[str, _Handler] = {
    "/NetworkDriver.CreateNetwork": networks.create,
    "/NetworkDriver.DeleteNetwork": networks.delete,
    "/NetworkDriver.CreateEndpoint": endpoints.create,
    "/NetworkDriver.DeleteEndpoint": endpoints.delete,
    "/NetworkDriver.Join": endpoints.join,
    "/NetworkDriver.Leave": endpoints.leave,
    "/IpamDriver.RequestPool": ipam.request_pool,
    "/IpamDriver.RequestAddress": ipam.request_address,
    "/IpamDriver.ReleaseAddress": ipam.release_address,
}


def answer(path: str, body: bytes, core: Core, warn: Warn) -> Answer:
    """Carry out the request for PATH with BODY.

    :param warn: called with each warning for the administrator
    """
    if path in _ANSWERS:
        return Answer(200, _ANSWERS[path])
    handler = _HANDLERS.get(path)
    if handler is None:
        return Answer(404, {"Err": f"cnm has no '{path[:100]}'."})
    key = "Error" if path.startswith("/IpamDriver.") else "Err"
    try:
        if not body:
            raise refusal(_REPEATED)
        given = Answer(200, handler(core, Fields(decoded(lambda: body, "The request"), Problems()), warn))
    except (EngineError, CnmError, Failure) as error:
        given = Answer(200, {key: printable(str(error))})
    except Exception as error:
        given = Answer(200, {key: printable(f"{type(error).__name__}: {error}")}, error)
    tell_of_request("docker", key in given.value, given.bug)
    return given
