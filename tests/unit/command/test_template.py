# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Templates of ``--format``."""

from __future__ import annotations

import pytest
from cnm_command.errors import Failure
from cnm_command.template import Template

NETWORK = {
    "Name": "web",
    "Internal": False,
    "Labels": {"tier": "data", "a": "b"},
    "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.1.0.0/16"}, {"Subnet": "fd00::/64"}]},
    "Containers": {"1": {"Name": "db"}, "2": {"Name": "www"}},
    "Nothing": None,
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{.Name}}", "web"),
        ("{{ .Name }}: {{.Internal}}", "web: false"),
        ("{{.IPAM.Driver}}", "default"),
        ("{{.Labels}}", "map[a:b tier:data]"),
        ("{{json .Labels}}", '{"tier":"data","a":"b"}'),
        ('{{index .Labels "tier"}}', "data"),
        ('{{index .Labels "none"}}', ""),
        ("{{range .IPAM.Config}}{{.Subnet}} {{end}}", "10.1.0.0/16 fd00::/64 "),
        ("{{range .Containers}}{{.Name}},{{end}}", "db,www,"),
        ("{{range .IPAM.Config}}{{.}}{{end}}", "map[Subnet:10.1.0.0/16]map[Subnet:fd00::/64]"),
        ("{{upper .Name}} {{len .Labels}}", "WEB 2"),
        (r"{{.Name}}\t{{.Name}}\n", "web\tweb\n"),
        ("{{.Name -}}  {{- .Name}}", "webweb"),
        ("plain", "plain"),
        ("{{.Nothing}}", "<no value>"),
    ],
)
def test_what_is_printed(template: str, expected: str) -> None:
    assert Template(template).write(NETWORK) == expected


@pytest.mark.parametrize(
    "wrong", ["{{.Name", ".Name}}", "{{range .Labels}}", "{{end}}", "{{if .Name}}", "{{}}", "{{len}}"]
)
def test_what_is_not_supported_is_refused_before_anything_is_printed(wrong: str) -> None:
    with pytest.raises(Failure, match="^template .* cannot be used: "):
        Template(wrong)


@pytest.mark.parametrize("template", ["{{.Nme}}", "{{.Name.First}}", "{{range .Nme}}{{end}}", "{{index .Name 3}}"])
def test_a_field_that_does_not_exist_is_refused(template: str) -> None:
    with pytest.raises(Failure, match="^template: there is no (field|element) "):
        Template(template).write(NETWORK)
