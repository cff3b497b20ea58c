# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our nft table: reading it, and changing it in one transaction."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ...model.errors import CnmError, KernelRefused
from ...private_files import make_private, read_private, remove_private, write_private
from ...resources.kinds import Element, ElementKey, ForwardAccept, ForwardAcceptKey, Ruleset, RulesetKey
from ...resources.plan import Step
from ...resources.resource import Key, Resource, only
from ..system.programs import Run, find, understood
from .docker_user import DockerUser
from .listings import forget as forget_listings

MEMORY = "/run/cnm/ruleset.json"
"""What we loaded, and how nft listed it right after. In /run, because it must not outlive the kernel's rules."""

DEVICE_SETS = {
    "within": 2,
    "internal": 1,
    "underlays": 1,
    "encrypting": 1,
    "lent": 1,
    "apart4": 1,
    "apart6": 1,
    "routers": 1,
    "elsewhere4": 1,
    "elsewhere6": 1,
}
"""Sets whose entries begin with names of devices, and with how many; nft requires these names in quotes."""

_PROTOCOLS = {"6": "tcp", "17": "udp", "132": "sctp"}
_NUMBERS = {name: number for number, name in _PROTOCOLS.items()}
_DEVICE = re.compile(r'[^\s/:"\\*]{1,15}')
_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}(?:/(?:3[01]|[12]?\d))?", re.ASCII)
_ABSENT = re.compile(r"No such file or directory")


class _Listed(NamedTuple):
    """Our table as nft has listed it."""

    shape: str
    elements: Mapping[Key, Element]


class Firewall:
    """Reads and applies the resources of kinds ``ruleset``, ``element`` and ``forward-accept``."""

    def __init__(self, run: Run, docker_user: Optional[DockerUser] = None) -> None:
        self._run = run
        self._docker_user = docker_user or DockerUser(run)

    def read(self, keys: Iterable[Key]) -> Dict[Key, Resource]:
        """Return the resources with KEYS that exist. The `Ruleset` has a text only if nobody has changed its rules.

        :raises CnmError: if nft is not installed, or cannot list the table
        """
        keys = set(keys)
        asked = {key for key in keys if isinstance(key, (RulesetKey, ElementKey))}
        present: Dict[Key, Resource] = {}
        accepting = only(ForwardAcceptKey, keys)
        if accepting:
            present.update(self._docker_user.read(accepting))
        listed = self._list() if asked else None
        if listed is None:
            return present
        ruleset = Ruleset(None)
        if ruleset.key in asked:
            present[ruleset.key] = Ruleset(_remembered(listed.shape))
        present.update((key, listed.elements[key]) for key in asked & listed.elements.keys())
        return present

    def apply(self, steps: Sequence[Step]) -> None:
        """Carry out STEPS: first those of our table, all or none, then those of Docker's chain.

        This ends the connections that the new rules would translate differently. A table that is replaced loses all
        elements that STEPS do not add.

        :raises KernelRefused: if nft refuses, and then nothing has changed, or if iptables refuses
        """
        self._change_table(steps)
        accepting = [step for step in steps if step.resource.kind == ForwardAccept.kind]
        if accepting:
            self._docker_user.apply(accepting)

    def _change_table(self, steps: Sequence[Step]) -> None:
        before = [step.before for step in steps if step.before is not None]
        after = [step.after for step in steps if step.after is not None]
        removed = [each for each in before if isinstance(each, Element)]
        added = [each for each in after if isinstance(each, Element)]
        loaded = [each for each in after if isinstance(each, Ruleset)]
        cleared = loaded or any(isinstance(each, Ruleset) for each in before)
        script: List[str] = []
        if cleared:
            script.append("table inet cnm\ndelete table inet cnm\n")
        else:
            script.extend(_commands("delete", removed))
        script.extend(ruleset.text or "" for ruleset in loaded)
        script.extend(_commands("add", added))
        if not script:
            return
        make_private(os.path.dirname(MEMORY))
        if cleared and not loaded:
            # Forget first: if we are killed in between, the next run removes a table without a memory, but no run would
            # remove a memory without a table.
            _forget()
            forget_listings()
        code, _output, errors = self._nft(["-f", "-"], "".join(script))
        if code:
            raise KernelRefused(f"nft did not load the rules of table 'inet cnm': {_first_error(errors)}")
        if loaded:
            listed = self._list("-t")
            if listed is not None:
                _remember(loaded[-1].text, listed.shape)
        end_stale_connections(removed, added)

    def _nft(self, arguments: Sequence[str], stdin: Optional[str] = None) -> Tuple[int, str, str]:
        program = find("nft")
        if program is None:
            raise CnmError("The program 'nft', which loads the firewall rules, is not installed: apt install nftables.")
        return self._run([program, *arguments], stdin)

    def _list(self, *options: str) -> Optional[_Listed]:
        """Return our table; None if there is none."""
        code, output, errors = self._nft(["-j", *options, "list", "table", "inet", "cnm"])
        if code and _ABSENT.search(errors):
            return None
        if code:
            raise KernelRefused(f"nft did not list table 'inet cnm': {_first_error(errors)}")
        return _parsed(output)


@lru_cache(maxsize=1)
@understood("nft listed table 'inet cnm'")
def _parsed(output: str) -> _Listed:
    """Return what nft has listed in JSON. The next run in this process often gets the same text."""
    listed = [each for each in json.loads(output)["nftables"] if "metainfo" not in each]
    return _Listed(_shape(listed), {element.key: element for element in _elements(listed)})


def _first_error(errors: str) -> str:
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    wrong = [line for line in lines if "rror" in line] or lines or ["it gave no reason"]
    return wrong[0].rstrip(".") + "."


def _shape(listed: Sequence[Dict[str, Any]]) -> str:
    """Return the table, its chains and rules and the declarations of its sets, without handles and elements."""
    kept = []
    for each in listed:
        for kind, body in each.items():
            kept.append([kind, {name: value for name, value in body.items() if name not in ("handle", "elem")}])
    return json.dumps(kept, sort_keys=True)


def _remember(text: Optional[str], shape: str) -> None:
    try:
        write_private(MEMORY, json.dumps({"text": text, "shape": shape}).encode())
    except OSError as error:
        raise CnmError(
            f"The firewall rules are loaded, but '{MEMORY}', which tells later runs about them, cannot be written: "
            f"{error.strerror}."
        ) from error


def _forget() -> None:
    try:
        remove_private(MEMORY)
    except OSError as error:
        raise CnmError(f"'{error.filename}' cannot be removed: {error.strerror}.") from error


def _remembered(shape: str) -> Optional[str]:
    """Return the text that we loaded, if the table still has the SHAPE that it had then."""
    try:
        state = os.lstat(MEMORY)
        text, known = _loaded(state.st_ino, state.st_mtime_ns, state.st_size)
        return text if known == shape else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


@lru_cache(maxsize=1)
def _loaded(_inode: int, _changed: int, _size: int) -> Tuple[str, Any]:
    """Return the text that we loaded, and the shape that the table had then, from the file in this state."""
    fields = json.loads(read_private(MEMORY))
    return str(fields["text"]), fields["shape"]


def _elements(listed: Sequence[Dict[str, Any]]) -> Iterable[Element]:
    for each in listed:
        for kind in ("set", "map"):
            body = each.get(kind)
            if not body:
                continue
            types = _types(body["type"])
            values = _types(body.get("map", ""))
            for item in body.get("elem", ()):
                entry, value = item if kind == "map" else (item, None)
                yield Element(body["name"], _joined(entry, types), "" if value is None else _joined(value, values))


def _types(declared: Any) -> List[str]:
    """Return the types of a concatenation. nft lists those of entries as an array, those of a map's values as text.

    Some versions list ``typeof`` as an object, whose types are numbers.
    """
    if isinstance(declared, dict):
        return []
    return [str(each) for each in declared] if isinstance(declared, list) else str(declared).split(" . ")


def _joined(listed: Any, types: Sequence[str]) -> str:
    """Return an entry or value that nft has LISTED in JSON, in the form that an `Element` has."""
    if isinstance(listed, dict) and "elem" in listed:
        # An entry with a counter, a timeout or a comment.
        listed = listed["elem"]["val"]
    parts = listed["concat"] if isinstance(listed, dict) and "concat" in listed else [listed]
    return " . ".join(_part(part, kind) for part, kind in zip_longest(parts, types, fillvalue=""))


def _part(part: Any, kind: str) -> str:
    if isinstance(part, dict):
        if "prefix" in part:
            return _address(f"{part['prefix']['addr']}/{part['prefix']['len']}")
        if "range" in part:
            return _range(*part["range"])
        # A verdict, such as {"accept": null}.
        return str(next(iter(part)))
    if kind in ("ipv4_addr", "ipv6_addr"):
        return _address(str(part))
    if kind == "inet_proto":
        return _PROTOCOLS.get(str(part), str(part))
    return str(part)


def _address(text: str) -> str:
    if _IPV4.fullmatch(text):
        # Most elements have this form, which nft and Python write in the same way.
        return text
    subnet = ipaddress.ip_network(text, strict=False)
    return str(subnet.network_address if subnet.prefixlen == subnet.max_prefixlen else subnet)


def _range(first: Any, last: Any) -> str:
    """Return the subnet from FIRST to LAST, because nft lists some subnets as ranges; else the range."""
    try:
        low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
        subnets = list(ipaddress.summarize_address_range(low, high))
    except (ValueError, TypeError):
        return f"{first}-{last}"
    return _address(str(subnets[0])) if len(subnets) == 1 else f"{first}-{last}"


def _commands(verb: str, elements: Sequence[Element]) -> Iterable[str]:
    sets: Dict[str, List[Element]] = {}
    for element in elements:
        sets.setdefault(element.set, []).append(element)
    for name, members in sorted(sets.items()):
        content = ",\n".join(_written(member) for member in members)
        yield f"{verb} element inet cnm {name} {{ {content} }}\n"


def _written(element: Element) -> str:
    parts = element.entry.split(" . ")
    devices = parts[: DEVICE_SETS.get(element.set, 0)]
    wrong = [device for device in devices if not _DEVICE.fullmatch(device)]
    if wrong:
        raise CnmError(
            f"Device name '{wrong[0]}' cannot be used in firewall rules; choose letters, digits, '-' and '.'."
        )
    others = [_NUMBERS.get(part, part) for part in parts[len(devices) :]]
    entry = " . ".join([*(f'"{device}"' for device in devices), *others])
    return f"{entry} : {element.value}" if element.value else entry


def end_stale_connections(removed: Sequence[Element], added: Sequence[Element]) -> None:
    """End the connections of published ports that still use elements REMOVED, or do not use elements ADDED.

    :raises KernelRefused: if the kernel does not end a connection
    """
    gone = [each for each in removed if each.translates]
    new = [each for each in added if each.translates and " . udp . " in each.entry]
    if gone or new:
        from .conntrack import forget

        forget([(each.entry, each.value) for each in gone], [each.entry for each in new])
