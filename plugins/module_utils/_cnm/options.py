# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds all mistakes in the options of a task; Ansible's own classes stop at the first."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.errors import ArgumentTypeError, ElementError, UnsupportedError

from .model.suggestions import did_you_mean, not_supported

_CHOICE = re.compile(r"[Vv]alue of (\S+) must be one of: (.+), got: ([^.]*)\.?", re.DOTALL)
_NOUNS = {"networks": "network", "endpoints": "endpoint", "sandboxes": "sandbox", "peers": "peer"}


def examine(
    arguments: Mapping[str, Any],
    given: Mapping[str, Any],
    problems: List[str],
    subject: str = "",
    mutually_exclusive: Optional[Sequence[Sequence[str]]] = None,
    required_one_of: Optional[Sequence[Sequence[str]]] = None,
    whose: str = "this module",
) -> Dict[str, Any]:
    """Return the GIVEN values for ARGUMENTS, converted to the types of the options; None for options that are left out.

    Mistakes are added to PROBLEMS, in sentences about the SUBJECT, such as ``Sandbox 'web': ``. Ansible's validator
    does not say which entry of a list it means, so it gets one entry at a time. Wrong entries are left out.
    """
    flat = {
        name: {**option, "elements": "raw"} if "options" in option else option for name, option in arguments.items()
    }
    result = ArgumentSpecValidator(flat, mutually_exclusive, required_one_of=required_one_of).validate(given)
    unknown = sorted(map(str, result.unsupported_parameters))
    sentences = [f"unknown option '{name}'{did_you_mean(name, arguments)}" for name in unknown]
    sentences += [_sentence(error) for error in result.errors.errors if not isinstance(error, UnsupportedError)]
    sentences += _not_texts(arguments, given)
    for text in sentences:
        stop = "" if text.endswith("?") else "."
        problems.append(f"{subject}{text if subject else text[:1].upper() + text[1:]}{stop}")
    if unknown:
        options = f"The options of {whose} are: {', '.join(sorted(arguments))}."
        if options not in problems:
            problems.append(options)
    values: Dict[str, Any] = result.validated_parameters
    for name in arguments:
        if "options" in arguments[name] and isinstance(values[name], list):
            values[name] = _entries(name, arguments[name], values[name], problems, subject)
    return values


def _entries(
    name: str, argument: Mapping[str, Any], entries: Sequence[Any], problems: List[str], subject: str
) -> List[Dict[str, Any]]:
    """Return the valid ones of ENTRIES, which were given for the option NAME."""
    sound = []
    for place, entry in enumerate(entries):
        before = len(problems)
        about = f"{subject}{name}[{place}]: "
        try:
            options = {str(option): value for option, value in check_type_dict(entry).items()}
        except TypeError:
            key = "name" if "name" in argument["options"] else "subnet"
            text = f"'{entry}' is a string; use a dictionary such as {{{key}: {entry}}}."
            problems.append(about + (text if isinstance(entry, str) else f"{entry!r} is not a dictionary."))
            continue
        if name in _NOUNS and options.get("name"):
            noun = _NOUNS[name] if subject else _NOUNS[name].capitalize()
            about = f"{subject}{noun} '{options['name']}': "
        exclusive = argument.get("mutually_exclusive")
        values = examine(argument["options"], options, problems, about, exclusive, whose=f"an entry of {name}")
        if len(problems) == before:
            sound.append(values)
    return sound


def _not_texts(arguments: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each dictionary or list in the GIVEN values where ARGUMENTS want a string.

    Ansible would convert it to a string, and the error would then be about an invalid name.
    """
    for name, argument in arguments.items():
        value = given.get(name)
        if argument.get("type", "str") == "str":
            values = [(name, value)]
        elif argument.get("elements") == "str" and isinstance(value, list):
            values = [(f"{name}[{place}]", entry) for place, entry in enumerate(value)]
        else:
            continue
        for where, entry in values:
            if isinstance(entry, (dict, list)):
                inner = list(entry.values() if isinstance(entry, dict) else entry)
                example = f" such as '{inner[0]}'" if len(inner) == 1 and isinstance(inner[0], str) else ""
                what = "dictionary" if isinstance(entry, dict) else "list"
                yield f"{where}: {entry} is a {what}; use a string{example}"


def _sentence(error: Exception) -> str:
    """Return Ansible's message in ERROR without the details of a conversion and without the full stop."""
    text = str(error)
    if isinstance(error, (ArgumentTypeError, ElementError)):
        text = text.partition(": ")[0]
        # ansible-core 2.18 and older print types as Python does.
        text = re.sub(r"<class '(\w+)'>", r"\1", text)
    choice = _CHOICE.fullmatch(text)
    if choice:
        option, choices, value = choice.groups()
        hint = not_supported(value) if option == "driver" else ""
        text = f"value of {option} must be one of: {choices}, got: {value}"
        return text + (hint or did_you_mean(value, choices.split(", ")))
    return (text[:1].lower() + text[1:]).rstrip(".")
