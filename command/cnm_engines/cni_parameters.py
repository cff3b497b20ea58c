# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parameters of a CNI request, which are in the environment (specification, section 2)."""

from __future__ import annotations

import re
from typing import Dict, Mapping, NamedTuple

from _cnm.model.errors import Problems
from _cnm.model.ids import check_device

from .errors import INVALID_ENVIRONMENT, EngineError

COMMANDS = ("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION")
_OF_ATTACHMENTS = ("ADD", "DEL", "CHECK")
_CONTAINER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_KNOWN = (
    "IgnoreUnknown",
    "IP",
    "MAC",
    "K8S_POD_NAME",
    "K8S_POD_NAMESPACE",
    "K8S_POD_INFRA_CONTAINER_ID",
    "K8S_POD_UID",
)
"""Keys of CNI_ARGS that we use, or that engines send without use for us."""
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
"""As Go's strconv.ParseBool reads them, which libcni uses."""


class Parameters(NamedTuple):
    """The parameters; empty if they are missing."""

    command: str
    container: str = ""
    namespace: str = ""
    interface: str = ""
    arguments: Mapping[str, str] = {}
    """CNI_ARGS."""


def parameters(environment: Mapping[str, str]) -> Parameters:
    """Return the parameters in ENVIRONMENT.

    :raises EngineError: with all variables that are missing or not valid
    """
    command = environment.get("CNI_COMMAND", "")
    if command not in COMMANDS:
        raise EngineError(
            INVALID_ENVIRONMENT, f"CNI_COMMAND is '{command}', and it has to be one of {', '.join(COMMANDS)}."
        )
    if command not in _OF_ATTACHMENTS:
        return Parameters(command)
    problems = Problems()
    container, interface = environment.get("CNI_CONTAINERID", ""), environment.get("CNI_IFNAME", "")
    required = ["CNI_CONTAINERID", "CNI_IFNAME", *(["CNI_NETNS"] if command != "DEL" else [])]
    for name in required:
        if not environment.get(name):
            problems.add(f"{name} is missing.")
    if container and not _CONTAINER.fullmatch(container):
        problems.add(
            f"CNI_CONTAINERID: '{container}' is not letters, digits, '_', '.' and '-', the first a letter or a digit."
        )
    if interface:
        with problems.about("CNI_IFNAME"):
            check_device(interface)
    # What was to be removed is removed, whatever the other arguments say.
    arguments = _arguments(environment.get("CNI_ARGS", ""), Problems() if command == "DEL" else problems)
    if problems.found:
        raise EngineError(INVALID_ENVIRONMENT, " ".join(problems.found))
    return Parameters(command, container, environment.get("CNI_NETNS", ""), interface, arguments)


def _arguments(text: str, problems: Problems) -> Dict[str, str]:
    """Return the pairs in TEXT, the value of CNI_ARGS; add to PROBLEMS what is wrong with it."""
    pairs: Dict[str, str] = {}
    for pair in filter(None, text.split(";")):
        key, equals, value = pair.partition("=")
        if equals and key:
            pairs[key] = value
        else:
            problems.add(f"CNI_ARGS: '{pair}' is not KEY=VALUE.")
    unknown = sorted(set(pairs) - set(_KNOWN))
    if unknown and pairs.get("IgnoreUnknown") not in _TRUE:
        problems.add(f"CNI_ARGS: the keys {', '.join(unknown)} are unknown. To have them ignored, add IgnoreUnknown=1.")
    return pairs
