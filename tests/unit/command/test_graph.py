# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``cnm graph`` draws, in Graphviz's language."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any, Dict, List
from xml.etree import ElementTree

import pytest
from cnm_command.graph.dot import graph
from cnm_command.graph.page import page
from cnm_command.graph.reading import hosts_of
from cnm_command.graph.writing import write
from cnm_command.main import main

from . import told

PICTURE = Path(__file__).resolve().parents[3] / "docs" / "images" / "picture.svg"
HOSTILE = 'a<b>&"\\N\n\x07</script>'


def drawn(hosts: List[Dict[str, Any]]) -> str:
    return graph(hosts_of(hosts))


def nodes(text: str) -> Dict[str, ElementTree.Element]:
    """Return the labels in TEXT, by node. They must be XML, as Graphviz demands."""
    found = re.findall(r'^  "((?:[^"\\]|\\.)*)" \[label=<(.*)>\]$', text, re.MULTILINE)
    return {name: ElementTree.fromstring(label) for name, label in found}


def seen(label: ElementTree.Element) -> List[str]:
    """Return the texts that somebody sees in LABEL, from top to bottom."""
    return [text.strip() for text in label.itertext() if text.strip()]


def edges(text: str) -> List[str]:
    return re.findall(r'^  ("[^"]*" -- "[^"]*")', text, re.MULTILINE)


def test_each_host_shows_its_networks_and_the_sandboxes_on_them_with_addresses_and_ports() -> None:
    labels = nodes(drawn(told.example()))
    assert seen(labels["host a"]) == [
        *("a", "shop", "www", "10.77.0.10", "cache (lost)", "10.77.0.11"),
        *("front", "bridge, 172.20.0.0/16", "www", "172.20.0.2", "0.0.0.0:8080->80/tcp"),
        *("no network", "spare"),
    ]
    assert seen(labels["host b"]) == ["b", "shop", "app", "10.77.0.20", "old (stopped)", "10.77.0.21"]


def test_a_network_that_spans_hosts_is_drawn_once_with_a_line_to_each() -> None:
    text = drawn(told.example())
    assert seen(nodes(text)["network shop"]) == ["shop", "overlay, 10.77.0.0/16, VNI 7001"]
    assert edges(text) == [f'"host {host}" -- "network shop"' for host in "abc"]


def test_a_host_that_was_not_asked_shows_what_others_know_of_it() -> None:
    text = drawn(told.example())
    assert seen(nodes(text)["host c"]) == ["c (not asked)", "shop", "db", "10.77.0.30"]
    assert re.search(r'"host c" -- .*style=dashed', text)


def test_a_host_that_others_know_by_another_name_is_drawn_once() -> None:
    peers = [{"Name": "192.0.2.12", "IP": "192.0.2.12"}]
    one = told.host("a", [told.overlay("shop", "10.77.0.0/16", "192.0.2.11", *peers)], [], [])
    two = told.host("b", [told.overlay("shop", "10.77.0.0/16", "192.0.2.12")], [], [])
    assert set(nodes(drawn([one, two]))) == {"network shop", "host a", "host b"}


def test_an_endpoint_in_no_sandbox_is_marked() -> None:
    endpoint = told.endpoint("lab", "10.1.0.9/16", Name="reserved", IPv6Address="fd00::9/64")
    text = drawn([told.host("a", [told.network("lab", "10.1.0.0/16")], [], [endpoint])])
    assert seen(nodes(text)["host a"])[3:] == ["reserved (left)", "10.1.0.9", "fd00::9"]


def test_predefined_networks_without_endpoints_are_left_out() -> None:
    networks = [told.network("bridge", "172.17.0.0/16"), told.network("empty", "10.1.0.0/16")]
    assert seen(nodes(drawn([told.host("a", networks, [], [])]))["host a"]) == ["a", "empty", "bridge, 10.1.0.0/16"]


def test_a_container_has_the_name_that_its_engine_gives_it() -> None:
    labels = {"cnm.engine": "docker", "cnm.container": "1a2b", "cnm.container.name": "shop-web-1"}
    sandbox = told.sandbox("docker-1a2b", Labels=labels)
    endpoint = told.endpoint("lab", "10.1.0.2/16", "docker-1a2b")
    text = drawn([told.host("a", [told.network("lab", "10.1.0.0/16")], [sandbox], [endpoint])])
    assert "shop-web-1" in seen(nodes(text)["host a"])
    assert "engine: docker" in text


def test_many_endpoints_are_one_node_and_one_line_for_each_network() -> None:
    text = drawn(told.large(30, 20))
    assert len(nodes(text)) == 30 + 3
    assert len(edges(text)) == 30 * 2
    assert len(set(re.findall(r"app-\d+-\d+", text))) == 600


def test_a_long_table_is_divided_into_columns() -> None:
    endpoints = [told.endpoint("lab", f"10.1.{at // 250}.{at % 250 + 2}/16", f"s{at}") for at in range(600)]
    text = drawn([told.host("a", [told.network("lab", "10.1.0.0/16")], [], endpoints)])
    lines = nodes(text)["host a"].findall(".//TABLE/TR")
    assert len(lines) < 60
    assert max(len(line.findall("TD[@ID]")) for line in lines) > 20


def test_what_users_write_is_text_in_labels_and_in_the_page() -> None:
    sandbox = told.sandbox("www", Labels={"note": HOSTILE})
    endpoint = told.endpoint("lab", "10.1.0.2/16", "www", Aliases=[HOSTILE])
    network = told.network("lab", "10.1.0.0/16")
    hosts = hosts_of([told.host(f"host {HOSTILE}", [network], [sandbox], [endpoint])])
    ((name, label),) = nodes(graph(hosts)).items()
    assert name == r"host host a<b>&\"\\N\\n\\x07</script>"
    assert seen(label)[0] == r'host a<b>&"\N\n\x07</script>'
    tooltip = label.findall(".//TD[@TOOLTIP]")[0].get("TOOLTIP", "").split("\n")
    assert tooltip[2:] == [rf'{heading}a<b>&"\\N\\n\\x07</script>' for heading in ("aliases: ", "label: note=")]
    html = page(hosts, "<svg></svg>")
    facts = html.partition('id="facts">')[2].partition("</script>")[0]
    assert ["label", f"note={HOSTILE}"] in json.loads(facts)[0]["lines"]


def test_the_page_knows_all_addresses_of_a_sandbox() -> None:
    facts = json.loads(page(hosts_of(told.example()), "<svg></svg>").partition('id="facts">')[2].partition("<")[0])
    (www,) = [fact for fact in facts if fact["name"] == "www"]
    assert (www["host"], www["addresses"], www["rows"]) == ("a", ["10.77.0.10", "172.20.0.2"], [0, 2])


def test_files_of_several_hosts_make_one_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for host in told.example():
        files.append(str(tmp_path / host["host"]))
        Path(files[-1]).write_text(json.dumps([host]))
    assert main(["graph", "--format", "dot", *files]) == 0
    assert capsys.readouterr().out == drawn(told.example())
    assert main(["graph", "--format", "json", *files]) == 0
    assert json.loads(capsys.readouterr().out) == told.example()


def test_files_are_written_only_if_they_change(tmp_path: Path) -> None:
    texts, folder = {"a": "1", "b": "2"}, str(tmp_path / "new" / "folder")
    paths = [f"{folder}/a", f"{folder}/b"]
    assert write(texts, folder, dry_run=True) == paths
    assert list(tmp_path.iterdir()) == []
    assert write(texts, folder, dry_run=False) == paths
    assert write({**texts, "b": "3"}, folder, dry_run=False) == paths[1:]
    assert [Path(path).read_text() for path in paths] == ["1", "3"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{", "'-' is not JSON: "),
        ("{}", "'-' is not a list of hosts, as 'cnm graph --format json' writes it."),
        ('[{"host": "a"}]', "a host was not described as by 'cnm graph --format json': KeyError('sandboxes')"),
        ("[1]", "a host was not described as by 'cnm graph --format json': "),
        (
            json.dumps([told.host("a", [], [], [])] * 2),
            "several hosts are called 'a'. Change 'host' in the file of one",
        ),
    ],
)
def test_other_input_is_refused(
    given: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    assert main(["graph", "--format", "dot", "-"]) == 1
    assert f"cnm: {message}" in capsys.readouterr().err


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "/nowhere.json"]) == 1
    assert capsys.readouterr().err == "cnm: '/nowhere.json' cannot be read: No such file or directory.\n"


def test_a_missing_graphviz_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(told.example())))
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["graph", "-"]) == 1
    message = "the program 'dot' is missing. Install the package graphviz, or use: --format dot"
    assert capsys.readouterr().err == f"cnm: {message}\n"


def test_the_picture_of_the_documentation_is_of_the_example() -> None:
    texts = [text.text for text in ElementTree.parse(PICTURE).iter("{http://www.w3.org/2000/svg}text")]
    expected = [text for label in nodes(drawn(told.example())).values() for text in seen(label)]
    assert sorted(filter(None, (text.strip() for text in texts if text))) == sorted(expected)
