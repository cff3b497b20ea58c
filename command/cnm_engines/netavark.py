# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plugin of netavark, Podman's network stack (plugin-API.md of netavark)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Mapping, Optional, Sequence

from _cnm.model.errors import CnmError, printable
from cnm_command import VERSION
from cnm_command.errors import Failure

from . import runs
from .answer import Answer, as_json
from .errors import INVALID_CONFIGURATION, EngineError
from .fields import decoded
from .netavark_container import Container
from .netavark_network import create
from .runs import Attached, Core

_API_VERSION = "1.0.0"
_USAGE = "The netavark plugin cnm is called with 'create', 'setup NETNS', 'teardown NETNS' or 'info'."


def answer(
    arguments: Sequence[str],
    read: Callable[[], bytes],
    core: Core,
    warn: Callable[[str], None],
    repeated: bool = False,
) -> Answer:
    """Carry out the request in ARGUMENTS and in what READ returns.

    :param warn: called with each warning for the user
    :param repeated: whether the same request may have been carried out, without an answer
    """
    try:
        result = _carry_out(list(arguments), read, core, warn, repeated)
    except (EngineError, CnmError, Failure) as error:
        return Answer(1, as_json({"error": printable(str(error))}))
    except Exception as error:
        return Answer(1, as_json({"error": printable(f"{type(error).__name__}: {error}")}), error)
    return Answer(0, as_json(result) if result is not None else "")


def _carry_out(
    arguments: "list[str]", read: Callable[[], bytes], core: Core, warn: Callable[[str], None], repeated: bool
) -> Optional[Mapping[str, Any]]:
    if arguments == ["info"]:
        return {"version": VERSION, "api_version": _API_VERSION}
    if arguments == ["create"]:
        return create(core, decoded(read), repeated)
    if len(arguments) != 2 or arguments[0] not in ("setup", "teardown"):
        raise EngineError(INVALID_CONFIGURATION, _USAGE)
    command, namespace = arguments
    container = Container(decoded(read))
    if command == "teardown":
        runs.leave(core, container.attachment(), container.name, warn)
        return None
    wish = replace(container.joining(namespace), repeated=repeated)
    return _status(runs.join(core, wish, warn), container.asks_for_dns)


def _status(attached: Attached, dns: bool) -> Mapping[str, Any]:
    """Return the status block of a container that is ATTACHED."""
    subnets = []
    for family, address in attached.addresses().items():
        gateway = attached.gateway(family)
        subnets.append({"ipnet": address, **({"gateway": gateway} if gateway else {})})
    return {
        "dns_search_domains": attached.search_domains(),
        "dns_server_ips": attached.name_servers() if dns else [],
        "interfaces": {attached.interface: {"mac_address": attached.mac, "subnets": subnets}},
    }
