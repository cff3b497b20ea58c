# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface to Ansible: the only file of the core that imports it, besides `options`."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.validation import check_type_dict

from .compiled import keep
from .controller import Controller, Groups, Result
from .engines import ensure_all
from .items import in_order
from .kernel.host import Kernel
from .kernel.rtnl.message_classes import missing
from .model.errors import CnmError, InvalidInput
from .model.overlay_peer import members, unpack
from .model.secret_settings import is_secret

_PLURALS = {"network": "networks", "endpoint": "endpoints", "sandbox": "sandboxes"}
_SECRET_LENGTH = 8
_LOGGED = 5.0
"""Seconds between the lines in the log about how far a run is."""
OpenHost = Callable[[], Kernel]
"""Opens the host, whose facts are then read afresh."""


class _Module(AnsibleModule):
    """Reports all mistakes in its options at once; Ansible's own class reports only the first."""

    def _load_params(self) -> None:
        super()._load_params()
        self._given = {name: value for name, value in self.params.items() if not name.startswith("_ansible_")}
        self.no_log_values.update(_secrets(self._given))

    def fail_json(self, msg: str, **more: Any) -> None:
        """Fail with MSG; if options are wrong, fail with all their mistakes instead."""
        validated = getattr(self, "validation_result", None)
        if validated is not None and validated.error_messages:
            from .options import examine

            problems: List[str] = []
            examine(self.argument_spec, self._given, problems, "", self.mutually_exclusive, self.required_one_of)
            msg = str(InvalidInput(problems)) or msg
        super().fail_json(msg=msg, **more)


def _secrets(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values of secret kernel settings in the GIVEN options, so that Ansible keeps them out of logs."""
    sandboxes = given.get("sandboxes")
    for options in (given, *(sandboxes if isinstance(sandboxes, list) else ())):
        settings = options.get("sysctls") if isinstance(options, Mapping) else None
        with suppress(TypeError, ValueError):
            for name, value in check_type_dict(settings or {}).items():
                # Ansible would mask a short value inside all words that contain it.
                if is_secret(str(name)) and len(str(value)) >= _SECRET_LENGTH:
                    yield str(value)


def run(kind: str, arguments: Dict[str, Any]) -> None:
    """Run the module for objects of KIND; ARGUMENTS is its argument spec."""
    plural = _PLURALS[kind]
    single = [option for option in arguments if option != plural]
    exclusive = [(plural, option) for option in single]
    if kind == "sandbox":
        exclusive.append(("netns", "pid"))
    module = _Module(
        argument_spec=arguments,
        supports_check_mode=True,
        mutually_exclusive=exclusive,
        required_one_of=[("name", plural)],
    )
    listed = module.params[plural]
    items = [{option: module.params[option] for option in single}] if listed is None else listed

    def ensure(host: OpenHost) -> Dict[str, Any]:
        result = _ensured(module, host, [(kind, items)])
        shown: Any = result.objects[0] if listed is None else [each for each in result.objects if each]
        answer = {"changed": result.changed, kind if listed is None else plural: shown}
        return {**answer, "diff": result.differences} if module._diff else answer

    _carry_out(module, ensure)


def _ensured(module: _Module, host: OpenHost, groups: Groups, elsewhere: bool = True) -> Result:
    """Bring the objects of GROUPS on HOST into their states.

    :param elsewhere: whether to return the parts of networks that are on other hosts
    """

    @contextmanager
    def core(check: bool) -> Iterator[Controller]:
        # The run repeats the warnings of its rehearsal.
        warn = module.warn if check == module.check_mode else lambda _text: None
        with host() as kernel:
            yield Controller(kernel, warn, check, diff=module._diff, elsewhere=elsewhere)

    return ensure_all(core, groups, module.check_mode, module.warn)


class _Topology(_Module):
    """Keeps the description of other hosts out of logs: with many hosts it is far longer than all other options."""

    def _log_invocation(self) -> None:
        packed = {name: self.params.pop(name) for name in ("members", "reports")}
        super()._log_invocation()
        self.params.update(packed)


def run_topology(arguments: Dict[str, Any]) -> None:
    """Run the module that handles networks and sandboxes in one run; ARGUMENTS is its argument spec."""
    module = _Topology(argument_spec=arguments, supports_check_mode=True)
    # Removed from the parameters, because Ansible would return them as the invocation.
    given = {name: module.params.pop(name) for name in arguments}
    if given["exchange"]:
        _exchange(module, {name: unpack(text) for name, text in given["reports"].items()}, given["host"])
        return
    for item in given["networks"]:
        if item.get("name") in given["members"]:
            item.update(members(given["members"][item["name"]], given["host"])._asdict())
    groups = in_order(given["networks"], given["sandboxes"])

    def ensure(host: OpenHost) -> Dict[str, Any]:
        result = _ensured(module, host, groups, elsewhere=False)
        shown: Dict[str, List[Any]] = {"network": [], "sandbox": []}
        for (kind, _item), each in zip([(kind, item) for kind, items in groups for item in items], result.objects):
            shown[kind] += [each] if each else []
        answer: Dict[str, Any] = {_PLURALS[kind]: objects for kind, objects in shown.items()}
        answer["changed"], answer["reports"] = result.changed, result.reports
        return {**answer, "diff": result.differences} if module._diff else answer

    _carry_out(module, ensure)


def _exchange(module: AnsibleModule, reports: Mapping[str, Mapping[str, Any]], own: str) -> None:
    """Store the REPORTS of hosts, by network and host, except that of our OWN host."""

    def ensure(host: OpenHost) -> Dict[str, Any]:
        with host() as kernel:
            controller = Controller(kernel, module.warn, module.check_mode, diff=module._diff, elsewhere=False)
            result = controller.exchange(reports, own)
        answer: Dict[str, Any] = {"changed": result.changed}
        return {**answer, "diff": result.differences} if module._diff else answer

    _carry_out(module, ensure)


def run_info(kind: str, arguments: Dict[str, Any]) -> None:
    """Run the module that lists objects of KIND; ARGUMENTS is its argument spec."""
    module = _Module(argument_spec=arguments, supports_check_mode=True)

    def describe(host: OpenHost) -> Dict[str, Any]:
        from .filters import selection

        keep = selection(module.params)
        with host() as kernel:
            return {"changed": False, _PLURALS[kind]: Controller(kernel, module.warn, True).describe(kind, keep)}

    # The role ends with such a task, so that no later task compiles anything.
    _carry_out(module, describe, whole_copy=True)


def _carry_out(module: AnsibleModule, work: Callable[[OpenHost], Dict[str, Any]], whole_copy: bool = False) -> None:
    def run_program(command: Sequence[str], text: Optional[str]) -> Tuple[int, str, str]:
        status, output, errors = module.run_command(
            list(command), data=text, binary_data=True, environ_update={"LC_ALL": "C"}
        )
        return status, output, errors

    def host() -> Kernel:
        kernel = Kernel(run_program)
        kernel.progress.observe(lambda text: module.log(f"cnm.linux {text}"), _LOGGED)
        return kernel

    if os.geteuid() != 0:
        module.fail_json(msg="Only root can read and change the networks of the host. Set become: true.")
    lacking = missing()
    if lacking:
        module.fail_json(msg=lacking)
    try:
        answer = work(host)
    except CnmError as error:
        module.fail_json(msg=str(error))
    if not module.check_mode:
        keep(whole_copy)
    module.exit_json(**answer)
