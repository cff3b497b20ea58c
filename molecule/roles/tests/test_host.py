# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role cnm.linux.host: hosts a and c have the defaults; b has pools, engines, etcd, metrics, and no aardvark-dns."""

import json

import pytest

_UNITS = ("cnm-restore.service", "cnm-refresh.service", "cnm-refresh.timer")
_MODULES = ("bridge", "veth", "vxlan", "nf_tables")


@pytest.fixture
def name(host):
    return host.check_output("hostname")


def test_networks_come_back_at_boot_and_after_docker(host):
    assert [host.check_output(f"systemctl is-enabled {unit}") for unit in _UNITS] == ["enabled"] * 3
    before = host.check_output("systemctl show --property Before --value cnm-restore.service").split()
    assert {"docker.service", "multi-user.target"} <= set(before)
    assert "network-online.target" in host.check_output("systemctl show -p Wants --value cnm-restore.service").split()
    assert "cnm-refresh.service" in host.check_output("systemctl show --property Wants --value docker.service").split()


def test_the_units_have_nothing_wrong(host):
    verified = host.run("systemd-analyze verify --man=no " + " ".join(_UNITS))
    assert [line for line in verified.stderr.splitlines() if "cnm" in line] == []


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("/var/lib/cnm", 0o700),
        ("/var/cache/cnm", 0o700),
        ("/var/lib/cnm-host", 0o700),
        ("/var/lib/cnm-host/state.json", 0o600),
        ("/etc/netns", 0o755),
        ("/etc/cnm", 0o755),
        ("/etc/sysctl.d/60-cnm.conf", 0o644),
        ("/etc/systemd/system/cnm-restore.service", 0o644),
        ("/etc/systemd/system/cnm-refresh.service", 0o644),
        ("/etc/systemd/system/cnm-refresh.timer", 0o644),
        ("/usr/local/lib/cnm", 0o755),
        ("/usr/local/lib/cnm/cnm", 0o755),
        ("/usr/local/lib/cnm/cnm.py", 0o644),
    ],
)
def test_files_are_roots_and_have_the_modes(host, path, mode):
    file = host.file(path)
    assert (file.user, file.group, oct(file.mode)) == ("root", "root", oct(mode))


def test_everybody_can_read_the_command_and_only_root_write_it(host):
    assert host.check_output("find /usr/local/lib/cnm ! -type l -perm /022 -o ! -user root -o ! -perm -444") == ""
    assert host.file("/usr/local/bin/cnm").linked_to == "/usr/local/lib/cnm/cnm"


def test_packages_are_there_and_their_services_are_not_started(host, name):
    wanted = ("nftables", "iproute2", "kmod", "procps", "python3-nftables", "python3-pyroute2")
    assert all(host.package(package).is_installed for package in wanted)
    assert host.package("aardvark-dns").is_installed == (name != "b")
    assert not host.service("nftables").is_enabled
    assert not host.service("nftables").is_running


def test_settings_are_made_now_and_at_boot(host):
    lines = host.file("/etc/sysctl.d/60-cnm.conf").content_string.splitlines()
    settings = dict(line.split(" = ") for line in lines if not line.startswith("#"))
    assert len(settings) == 7
    there = [key for key in settings if host.file("/proc/sys/" + key.replace(".", "/")).exists]
    assert [str(host.sysctl(key)) for key in there] == [settings[key] for key in there]


def test_modules_that_are_not_built_in_are_loaded_at_boot(host):
    # Hosts in containers have none, unless the machine's are mounted.
    loadable = [one for one in _MODULES if "insmod" in host.run(f"modprobe --show-depends {one}").stdout]
    file = host.file("/etc/modules-load.d/cnm.conf")
    assert file.exists == bool(loadable)
    if loadable:
        assert set(loadable) <= set(file.content_string.split())


def test_address_pools_are_where_they_were_given(host, name):
    file = host.file("/etc/cnm/cnm.json")
    assert file.exists == (name == "b")
    if name == "b":
        assert json.loads(file.content_string) == {"default-address-pools": [{"base": "10.64.0.0/12", "size": 24}]}


def test_the_check_is_passed(host, name):
    answer = json.loads(host.check_output("cnm check --format json"))
    assert answer["usable"]
    states = {finding["name"]: finding["state"] for finding in answer["findings"]}
    assert {name: state for name, state in states.items() if state == "missing"} == {}
    assert states["docker-user"] == "ok"
    assert states["systemd"] == "ok"
    assert states["aardvark-dns"] == ("optional" if name == "b" else "ok")
    assert states.get("etcd") == {"a": "ok", "b": "ok"}.get(name)


def test_the_service_uses_etcd_where_that_was_asked_for(host, name):
    service = host.service("cnm-engines")
    assert (service.is_running and service.is_enabled) == (name == "b")
    assert host.file("/etc/systemd/system/cnm-engines.service.d/etcd.conf").exists == (name == "b")


def test_the_service_carries_out_what_an_engine_asks_a_plugin_for(host, name):
    files = ("/etc/systemd/system/cnm-engines.socket", "/opt/cni/bin/cnm")
    assert [host.file(each).exists for each in files] == [name == "b"] * len(files)
    if name != "b":
        return
    assert host.service("cnm-engines.socket").is_enabled
    assert host.file("/usr/local/libexec/netavark/cnm").linked_to == "/usr/local/lib/cnm/cnm-netavark"
    assert (host.file("/run/cnm/engines.sock").mode, host.file("/run/cnm").mode) == (0o600, 0o700)
    assert host.file("/run/docker/plugins/cnm.sock").mode == 0o600
    host.run_test("ip netns add engine")
    variables = "CNI_CONTAINERID=id CNI_NETNS=/run/netns/engine CNI_IFNAME=eth0"
    configuration = json.dumps({"cniVersion": "1.1.0", "name": "bridge", "type": "cnm"})
    for command in ("ADD", "DEL"):
        host.check_output(f"echo '{configuration}' | env CNI_COMMAND={command} {variables} /opt/cni/bin/cnm")
        service = host.check_output("systemctl show --property MainPID --value cnm-engines.service")
        assert host.file("/var/lib/cnm/lock").content_string == service
    host.run_test("ip netns delete engine")
    assert host.check_output("systemctl --failed --no-legend") == ""


def test_prometheus_gets_metrics_where_that_was_asked_for(host, name):
    ask = "from urllib.request import urlopen as get; print(get('http://127.0.0.1:9469/metrics').read().decode())"
    answer = host.run(f'python3 -c "{ask}"')
    assert (answer.rc == 0) == (name == "b")
    if name == "b":
        assert 'cnm_networks{driver="bridge"} 1.0' in answer.stdout.splitlines()


def test_the_command_works(host):
    listed = host.check_output("cnm network ls").splitlines()
    assert [line.split()[1] for line in listed[1:]] == ["bridge", "host", "none"]


def test_a_restore_does_no_harm(host):
    assert host.run("systemctl restart cnm-restore.service cnm-refresh.service").rc == 0
    assert host.check_output("systemctl --failed --no-legend") == ""
