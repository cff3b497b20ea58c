# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate authority for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

_CONFIG = """\
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = {names}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Authority:
    """An authority that keeps everything in FOLDER, which it creates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self.certificate = folder / "ca.pem"
        self._make("ca", "ca", "/CN=authority", "DNS:unused")

    def sign(self, name: str, subject: str, names: str = "DNS:unused") -> tuple[Path, Path]:
        """Return the paths of a certificate for SUBJECT, such as ``/CN=web``, and of its key.

        :param names: alternative names, such as ``IP:192.0.2.1``
        """
        signer = [f"-CA={self.certificate}", f"-CAkey={self._folder}/ca.key"]
        return self._make(name, "leaf", subject, names, *(part for each in signer for part in each.split("=", 1)))

    def _make(self, name: str, extensions: str, subject: str, names: str, *signer: str) -> tuple[Path, Path]:
        config, certificate, key = (self._folder / f"{name}.{ending}" for ending in ("cnf", "pem", "key"))
        config.write_text(_CONFIG.format(names=names))
        argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        argv += ["-config", str(config), "-extensions", extensions, "-subj", subject, "-days", "2", *signer]
        argv += ["-keyout", str(key), "-out", str(certificate)]
        subprocess.run(argv, check=True, capture_output=True)
        return certificate, key
