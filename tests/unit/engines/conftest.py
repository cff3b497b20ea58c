# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An engine on a pretended host."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from ansible_collections.cnm.linux.tests.unit.plugins.module_utils.pretend import PretendKernel

TOP = Path(__file__).resolve().parents[3]
# As core_path.py does.
sys.path += [str(TOP / "command"), str(TOP / "plugins" / "module_utils")]

from _cnm.controller import Controller
from _cnm.resources.namespace import Namespace
from cnm_engines import cni, netavark

NAMESPACES = ("/run/netns/a", "/run/netns/b", "/run/netns/c", "/proc/77/ns/net")


class Engine:
    """An engine that calls both plugins, and a host whose controller they use."""

    def __init__(self, folder: Path) -> None:
        self.kernel = PretendKernel()
        self.kernel.facts.namespaces["/proc/self/ns/net"] = "the host's"
        self._numbers = itertools.count()
        for path in NAMESPACES:
            self.appear(path)
        self.warnings: List[str] = []
        self.folder = str(folder / "cnm")

    @contextlib.contextmanager
    def core(self, check: bool) -> Iterator[Controller]:
        yield Controller(self.kernel, self.warnings.append, check, self.folder)  # type: ignore[arg-type]

    def ensure(self, kind: str, *items: Dict[str, Any]) -> None:
        with self.core(False) as controller:
            controller.ensure(kind, items)

    def listed(self, kind: str) -> Dict[str, Any]:
        with self.core(True) as controller:
            return {each["Name"]: each for each in controller.describe(kind, lambda _store, _found: True)}

    def raw(self, environment: Dict[str, str], text: bytes, repeated: bool = False) -> Tuple[int, Any]:
        """Call the CNI plugin with TEXT; return its status and the JSON that it prints."""
        answer = cni.answer(environment, lambda: text, self.core, self.warnings.append, repeated)
        assert answer.bug is None, answer.output
        return answer.status, json.loads(answer.output) if answer.output else None

    def cni(
        self,
        command: str,
        container: str = "c1",
        netns: str = "/run/netns/a",
        ifname: str = "eth0",
        args: str = "",
        repeated: bool = False,
        **configuration: Any,
    ) -> Tuple[int, Any]:
        """Call the CNI plugin with a configuration 'blue', changed by CONFIGURATION; None leaves a field out."""
        variables = {"COMMAND": command, "CONTAINERID": container, "NETNS": netns, "IFNAME": ifname, "ARGS": args}
        values = {"cniVersion": "1.1.0", "name": "blue", "type": "cnm", **configuration}
        values = {key: value for key, value in values.items() if value is not None}
        environment = {f"CNI_{name}": text for name, text in variables.items() if text}
        return self.raw(environment, json.dumps(values).encode(), repeated)

    def done(self, command: str, *arguments: Any, **more: Any) -> Any:
        """Call the CNI plugin, which has to succeed; return what it prints."""
        status, output = self.cni(command, *arguments, **more)
        assert status == 0, output
        return output

    def code(self, command: str, *arguments: Any, **more: Any) -> Tuple[int, str]:
        """Call the CNI plugin, which has to fail; return code and message."""
        status, output = self.cni(command, *arguments, **more)
        assert status == 1
        assert set(output) == {"cniVersion", "code", "msg", "details"}
        return output["code"], output["msg"]

    def netavark(self, *arguments: str, repeated: bool = False, **values: Any) -> Tuple[int, Any]:
        """Call the netavark plugin; return its status and the JSON that it prints."""
        text = json.dumps(values).encode()
        answer = netavark.answer(arguments, lambda: text, self.core, self.warnings.append, repeated)
        assert answer.bug is None, answer.output
        return answer.status, json.loads(answer.output) if answer.output else None

    def networks_of(self, sandbox: str) -> Dict[str, Any]:
        networks: Dict[str, Any] = self.listed("sandbox")[sandbox]["Networks"]
        return networks

    def labels(self, sandbox: str) -> Dict[str, str]:
        labels: Dict[str, str] = self.listed("sandbox")[sandbox]["Labels"]
        return labels

    def appear(self, path: str) -> None:
        """Let somebody make a new namespace at PATH."""
        made = Namespace(path, ours=False)
        self.kernel.present[made.key] = made
        self.kernel.facts.namespaces[path] = f"namespace {next(self._numbers)}"

    def vanish(self, path: str) -> None:
        """Let the namespace at PATH be gone, with what is in it."""
        del self.kernel.facts.namespaces[path]
        self.kernel.lose(("namespace", path))


@pytest.fixture()
def engine(tmp_path: Path) -> Engine:
    """An engine on a host with the networks 'blue' and 'red'."""
    made = Engine(tmp_path)
    made.ensure(
        "network",
        {"name": "blue", "ipam_config": [{"subnet": "10.1.0.0/24"}, {"subnet": "fd00:1::/64"}]},
        {"name": "red", "ipam_config": [{"subnet": "10.2.0.0/24"}]},
        {"name": "inside", "ipam_config": [{"subnet": "10.3.0.0/24"}], "internal": True},
    )
    return made
