# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The border to Ansible: the only file of the core that knows it."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ansible.module_utils.basic import AnsibleModule

from .controller import Controller
from .errors import CnmError
from .kernel.host import Kernel


def run(kind: str, arguments: Dict[str, Any]) -> None:
    """Be the module that makes objects of KIND as its options say; ARGUMENTS are the options."""
    plural = _plural(kind)
    single = [option for option in arguments if option != plural]
    exclusive = [(plural, option) for option in single]
    if kind == "sandbox":
        exclusive.append(("netns", "pid"))
    module = AnsibleModule(
        argument_spec=arguments,
        supports_check_mode=True,
        mutually_exclusive=exclusive,
        required_one_of=[("name", plural)],
    )
    listed = module.params[plural]
    items = [{option: module.params[option] for option in single}] if listed is None else listed

    def ensure(kernel: Kernel) -> Dict[str, Any]:
        result = Controller(kernel, module.warn, module.check_mode, tell=module._diff).ensure(kind, items)
        shown: Any = result.objects[0] if listed is None else [found for found in result.objects if found]
        answer = {"changed": result.changed, kind if listed is None else plural: shown}
        return {**answer, "diff": result.differences} if module._diff else answer

    _carry_out(module, ensure)


def run_topology(arguments: Dict[str, Any]) -> None:
    """Be the module that makes networks and sandboxes in one run; ARGUMENTS are its options, those two lists.

    What goes makes room first, but for networks, which go when nobody is on them any more.
    """
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    lists = [("sandbox", False), ("network", True), ("sandbox", True), ("network", False)]
    groups = [
        (kind, [item for item in module.params[_plural(kind)] if (item.get("state") != "absent") == stays])
        for kind, stays in lists
    ]

    def ensure(kernel: Kernel) -> Dict[str, Any]:
        result = Controller(kernel, module.warn, module.check_mode, tell=module._diff).ensure_all(groups)
        shown: Dict[str, List[Any]] = {"network": [], "sandbox": []}
        for (kind, _item), found in zip([(kind, item) for kind, items in groups for item in items], result.objects):
            shown[kind] += [found] if found else []
        answer: Dict[str, Any] = {_plural(kind): found for kind, found in shown.items()}
        answer["changed"] = result.changed
        return {**answer, "diff": result.differences} if module._diff else answer

    _carry_out(module, ensure)


def run_info(kind: str, arguments: Dict[str, Any]) -> None:
    """Be the module that lists objects of KIND; ARGUMENTS are its options."""
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)

    def describe(kernel: Kernel) -> Dict[str, Any]:
        from .selection import selection

        keep = selection(module.params)
        return {"changed": False, _plural(kind): Controller(kernel, module.warn, True).describe(kind, keep)}

    _carry_out(module, describe)


def _plural(kind: str) -> str:
    return {"network": "networks", "endpoint": "endpoints", "sandbox": "sandboxes"}[kind]


def _carry_out(module: AnsibleModule, work: Callable[[Kernel], Dict[str, Any]]) -> None:
    def run_program(command: Sequence[str], text: Optional[str]) -> Tuple[int, str, str]:
        status, output, errors = module.run_command(
            list(command), data=text, binary_data=True, environ_update={"LC_ALL": "C"}
        )
        return status, output, errors

    if os.geteuid() != 0:
        module.fail_json(msg="Networks of the host can only be looked at and changed by root. Set become: true.")
    try:
        with Kernel(run_program) as kernel:
            answer = work(kernel)
    except CnmError as error:
        module.fail_json(msg=str(error), exception=error)
    module.exit_json(**answer)
