# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units of the role cnm.linux.host, as read by systemd."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Callable

import pytest
from stand_in import Host

from ansible_collections.cnm.linux.plugins.module_utils._cnm.kernel.system import dhcp_client, name_server_service
from ansible_collections.cnm.linux.plugins.module_utils._cnm.resources import link

UNITS = Path(__file__).resolve().parents[3] / "roles" / "host" / "files"
SERVICES = ["cnm-restore.service", "cnm-refresh.service", "cnm-engines.service"]
NAMES = [*SERVICES, "cnm-refresh.timer", "cnm-engines.socket", "cnm-docker.socket", "cnm-metrics.socket"]


def text_of(name: str) -> str:
    """Return the text of the unit NAME."""
    template = UNITS.parent / "templates" / f"{name}.j2"
    if template.exists():
        return template.read_text().replace("{{ cnm_host_metrics }}", "127.0.0.1:9469")
    return (UNITS / name).read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze belongs to systemd")
def test_systemd_finds_nothing_wrong_and_no_circle(host: Host) -> None:
    for name in NAMES:
        # The command need not be installed for the units to be valid.
        text = text_of(name).replace("/usr/local/bin/cnm", "/bin/true")
        Path("/etc/systemd/system", name).write_text(text)
        for wants in (line for line in text.splitlines() if line.startswith("WantedBy=")):
            for unit in wants.partition("=")[2].split():
                folder = Path("/etc/systemd/system", f"{unit}.wants")
                folder.mkdir(exist_ok=True)
                (folder / name).symlink_to(f"../{name}")
    for unit in ("docker.service", "nftables.service", "firewalld.service"):
        stand_in = Path("/etc/systemd/system", unit)
        stand_in.unlink(missing_ok=True)
        stand_in.write_text(
            "[Unit]\nAfter=network-online.target\nWants=network-online.target\n"
            "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
            if unit == "docker.service"
            else "[Unit]\nDefaultDependencies=no\nWants=network-pre.target\nBefore=network-pre.target\n"
            "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
        )
    done = host.run(["systemd-analyze", "verify", "--man=no", *NAMES, "docker.service", "multi-user.target"])
    told = [line for line in done.stderr.splitlines() if "cnm" in line or "cycle" in line]
    assert told == []


@pytest.fixture
def told(host: Host) -> Callable[[str, str], str]:
    """What udev does when ACTION happens to the link NAME."""
    if shutil.which("udevadm") is None:
        pytest.skip("udevadm belongs to udev")
    folder = Path("/etc/udev/rules.d")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(UNITS / "60-cnm.rules", folder)

    def tell(action: str, name: str) -> str:
        said = host.run(["udevadm", "test", f"--action={action}", f"/sys/class/net/{name}"])
        return said.stdout + said.stderr

    return tell


@pytest.mark.machine
def test_interfaces_that_may_lead_to_other_hosts_start_a_refresh(host: Host, told: Callable[[str, str], str]) -> None:
    names = {"wg0": True, "br0": True, "veth1": False, "br-0123456789ab": False, "vx-1": False}
    for number, name in enumerate(names):
        host.ip(f"link add {name} type veth peer name peer{number}\n")
    # A sysfs shows the links of the namespace in which it was mounted.
    host.out(["mount", "-t", "sysfs", "sysfs", "/sys"])
    for name, starts in names.items():
        assert ("SYSTEMD_WANTS=cnm-refresh.service" in told("add", name)) == starts, name
        assert "SYSTEMD_WANTS=cnm-refresh.service" not in told("change", name)


@pytest.mark.machine
def test_networkmanager_leaves_links_of_ours_alone(host: Host, told: Callable[[str, str], str]) -> None:
    for name, group in {"ours": link.GROUP, "vlan": link.VLAN_GROUP, "other": 0}.items():
        host.ip(f"link add {name} group {group} type bridge\n")
    host.out(["mount", "-t", "sysfs", "sysfs", "/sys"])
    for action in ("add", "change", "move"):
        alone = {name for name in ("ours", "vlan", "other") if "NM_UNMANAGED=1" in told(action, name)}
        assert alone == {"ours", "vlan"}, action


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze belongs to systemd")
def test_the_exposure_that_systemd_computes_stays_low(host: Host, tmp_path: Path) -> None:
    dns = tmp_path / "cnm-dns.service"
    dns.write_text("\n".join(["[Service]", "ExecStart=/bin/true", *name_server_service.CONFINED, ""]))
    dhcp = tmp_path / "cnm-dhcp-0.service"
    dhcp.write_text("\n".join(["[Service]", "ExecStart=/bin/true", *dhcp_client.CONFINED, ""]))
    limits = {str(dns): 3.0, str(dhcp): 4.0, **{str(UNITS / name): 5.0 for name in SERVICES}}
    # It creates the folder for the name server's group, which takes CAP_CHOWN.
    limits[str(UNITS / "cnm-engines.service")] = 5.2
    for path, limit in limits.items():
        done = host.run(["systemd-analyze", "security", "--offline=yes", path])
        told = re.search(r"exposure level for .*: ([0-9.]+)", done.stdout)
        if told is None:
            pytest.skip(f"systemd before 250 reads no file: {done.stderr}")
        assert float(told[1]) < limit, done.stdout
