# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role cnm.linux.docker: host a has the distribution's packages, hosts b and c the vendor's."""

import json

import pytest

_LEFT = {"log-opts": {"max-file": "3", "compress": "false"}, "labels": ["left=behind"], "shutdown-timeout": 20}
_POOLS = [{"base": "10.201.0.0/16", "size": 24}]


@pytest.fixture
def name(host):
    return host.check_output("hostname")


def configuration(host):
    return json.loads(host.file("/etc/docker/daemon.json").content_string)


def versions(host):
    said = json.loads(host.check_output("docker version --format '{{json .}}'"))
    return {said["Client"]["Version"].split("+")[0], said["Server"]["Version"].split("+")[0]}


def test_runs_now_and_after_a_boot(host):
    docker = host.service("docker")
    assert docker.is_running
    assert docker.is_enabled


def test_client_and_server_are_of_the_version(host, name):
    wanted = host.package("docker.io").version.split("+")[0] if name == "a" else "20.10.24"
    assert versions(host) == {wanted}


def test_packages_are_of_one_source(host, name):
    installed = {
        package for package in ("docker.io", "containerd", "runc", "docker-ce") if host.package(package).is_installed
    }
    assert installed == ({"docker.io", "containerd", "runc"} if name == "a" else {"docker-ce"})


def test_a_pinned_version_is_held(host, name):
    held = set(host.check_output("apt-mark showhold").split())
    wanted = {"docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin"}
    assert held == (set() if name == "a" else wanted)


def test_a_container_runs(host):
    host.check_output(
        "cd /tmp && rm -rf image && mkdir -p image/bin && cp $(command -v busybox) image/bin/"
        " && tar --create --directory image . | docker import - busybox"
    )
    try:
        assert host.check_output("docker run --rm busybox /bin/busybox echo up") == "up"
        assert host.check_output("docker info --format '{{.Driver}}' 2>/dev/null") == "overlay2"
    finally:
        host.check_output("docker image rm busybox")


def test_configuration_is_merged(host, name):
    wanted = dict(_LEFT, **{"default-address-pools": _POOLS})
    if name == "a":
        del wanted["labels"]
        wanted.update(
            {
                "hosts": ["fd://", "tcp://127.0.0.1:2375"],
                "log-driver": "json-file",
                "log-opts": {"max-file": "3", "max-size": "10m"},
                "live-restore": True,
                "storage-driver": "overlay2",
            }
        )
    assert configuration(host) == wanted
    assert host.file("/etc/docker/daemon.json").mode == 0o600


def test_bridge_keeps_out_of_our_pools(host):
    assert host.interface("docker0").addresses[0].startswith("10.201.0.")


def test_daemon_listens_where_the_configuration_says(host, name):
    assert host.socket("tcp://127.0.0.1:2375").is_listening == (name == "a")
    assert host.file("/etc/systemd/system/docker.service.d/cnm-hosts.conf").exists == (name == "a")


def test_user_is_in_the_group(host):
    assert "docker" in host.user("operator").groups


def test_repository_has_its_key_and_no_other_entry(host, name):
    if name == "a":
        assert not host.file("/etc/apt/keyrings/docker.asc").exists
        return
    sources = host.file("/etc/apt/sources.list.d/docker.sources").content_string
    assert "Signed-By: /etc/apt/keyrings/docker.asc" in sources
    assert host.file("/etc/apt/keyrings/docker.asc").mode == 0o644
    lines = host.file("/etc/apt/sources.list.d/docker.list").content_string.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("#") for line in lines)
    assert host.run("apt-cache policy docker-ce").rc == 0
