# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to reach an etcd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence


@dataclass(frozen=True)
class Settings:
    """The members of a cluster, and who we are to them.

    If etcd requires client certificates and has users, the certificate must not have a common name: the gateway would
    refuse every request.
    """

    endpoints: Sequence[str]
    """URLs of members, such as ``https://192.0.2.1:2379``."""
    prefix: str
    """What all our keys begin with, such as ``/cnm/``."""
    ca: str = ""
    """Path of the certificates that members' certificates are checked with; empty for those that the host trusts."""
    certificate: str = ""
    """Path of our certificate; empty for none."""
    key: str = ""
    """Path of the key of our certificate; empty if it is in the same file."""
    user: str = ""
    """Empty if etcd has no users."""
    password: str = ""
    patience: float = 10.0
    """Seconds in which a request is tried with one member after the other. An election takes more than one second."""
