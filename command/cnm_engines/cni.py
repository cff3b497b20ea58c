# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plugin of the Container Network Interface: versions 0.4.0, 1.0.0 and 1.1.0 of the specification."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Mapping, Optional

from _cnm.model.errors import CnmError
from cnm_command.errors import Failure

from . import runs
from .answer import Answer, as_json
from .cni_configuration import ENGINE, VERSIONS, Configuration, version_of
from .cni_parameters import Parameters, parameters
from .cni_result import failure, success
from .errors import NOT_AVAILABLE, EngineError, code_of
from .fields import decoded
from .runs import Core


def answer(
    environment: Mapping[str, str],
    read: Callable[[], bytes],
    core: Core,
    warn: Callable[[str], None],
    repeated: bool = False,
) -> Answer:
    """Carry out the request in ENVIRONMENT and in what READ returns.

    :param warn: called with each warning for the user
    :param repeated: whether the same request may have been carried out, without an answer
    """
    version = VERSIONS[-1]
    try:
        asked = parameters(environment)
        values = decoded(read)
        version = version_of(values)
        result = _carry_out(asked, values, core, warn, repeated)
    except (EngineError, CnmError, Failure) as error:
        return Answer(1, as_json(failure(version, code_of(error), str(error))))
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return Answer(1, as_json(failure(version, code_of(error), text)), error)
    return Answer(0, as_json(result) if result is not None else "")


def _carry_out(
    asked: Parameters, values: Mapping[str, Any], core: Core, warn: Callable[[str], None], repeated: bool
) -> Optional[Mapping[str, Any]]:
    if asked.command == "VERSION":
        return {"cniVersion": values.get("cniVersion", VERSIONS[-1]), "supportedVersions": list(VERSIONS)}
    configuration = Configuration(values, asked.command)
    if asked.command == "ADD":
        attached = runs.join(core, replace(configuration.joining(asked), repeated=repeated), warn)
        return success(configuration.version, asked.namespace, attached)
    if asked.command == "DEL":
        runs.leave(core, configuration.attachment(asked), configuration.container_name(asked), warn)
    elif asked.command == "CHECK":
        expected = configuration.expected(asked)
        runs.check(core, configuration.attachment(asked), configuration.container_name(asked), expected)
    elif asked.command == "GC":
        runs.collect(core, ENGINE, configuration.name, configuration.valid_attachments(), warn)
    else:
        _status(configuration, core)
    return None


def _status(configuration: Configuration, core: Core) -> None:
    configuration.check_fields()
    try:
        runs.check_available(core, configuration.network)
    except (CnmError, Failure) as error:
        raise EngineError(NOT_AVAILABLE, str(error)) from error
