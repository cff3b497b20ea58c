# Copyright (c) 2026, the cnm.linux developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the authorities of a cluster of etcd, and certificates for its hosts, in a folder on the controller.

Reads an object from standard input: ``folder``, ``members`` (host -> address), ``clients`` (hosts) and ``check``
(whether to make nothing). Writes an object with either ``problem``, or ``changed``: the files that were made.

``peers`` is the authority that members trust when they talk to each other, ``clients`` the one of members and
their clients. With one authority for both, a client could pose as a member. No certificate has a common name, because
etcd's gateway refuses clients that have one.
"""

import ipaddress
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS, DAYS, RENEWED_BEFORE = 7300, 825, 90
CLIENT = [ExtendedKeyUsageOID.CLIENT_AUTH]
# The gateway of a member is a client of the member, with the same certificate.
MEMBER = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


class Problem(Exception):
    """What the user has to do something about."""


class Authority:
    """An authority in a folder."""

    def __init__(self, folder, check):
        """Create it in FOLDER, unless it is there or CHECK is true."""
        self.folder = folder
        self.check = check
        self.changed = []
        certificate, key = folder / "ca.pem", folder / "ca.key"
        if certificate.exists() != key.exists():
            raise Problem(f"Of '{certificate}' and '{key}', one is missing: restore it, or remove the folder.")
        self.key = self.certificate = None
        if certificate.exists():
            self.key = serialization.load_pem_private_key(key.read_bytes(), None)
            self.certificate = x509.load_pem_x509_certificate(certificate.read_bytes())
        else:
            self._make("ca", f"cnm.linux etcd {folder.name}", AUTHORITY_DAYS, None)

    def ensure(self, host, address, usages):
        """Let HOST have a certificate for USAGES, with ADDRESS unless that is None."""
        names = [x509.DNSName(host)]
        if address:
            names.append(x509.IPAddress(ipaddress.ip_address(address)))
        if not self._is_good(host, names, usages):
            self._make(host, None, DAYS, names, usages)

    def _is_good(self, host, names, usages):
        certificate, key = self.folder / f"{host}.pem", self.folder / f"{host}.key"
        if not (certificate.exists() and key.exists()) or self.certificate is None:
            return False
        parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
        signer = parsed.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        return (
            list(parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value) == names
            and list(parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == usages
            and signer == x509.SubjectKeyIdentifier.from_public_key(self.certificate.public_key()).digest
            and end_of(parsed) > datetime.now(timezone.utc) + timedelta(days=RENEWED_BEFORE)
        )

    def _make(self, name, common_name, days, names, usages=()):
        self.changed.append(str(self.folder / f"{name}.pem"))
        if self.check:
            return
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "cnm.linux")])
        if common_name:
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        now = datetime.now(timezone.utc)
        end = now + timedelta(days=days)
        if self.certificate is not None:
            end = min(end, end_of(self.certificate))
        signer = key if self.key is None else self.key
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if self.certificate is None else self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            # Clocks of hosts differ.
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(names is None, None), critical=True)
            .add_extension(key_usage(names is None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        made = builder.sign(signer, hashes.SHA256())
        self.folder.mkdir(0o700, parents=True, exist_ok=True)
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        write(self.folder / f"{name}.key", key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        write(self.folder / f"{name}.pem", made.public_bytes(pem))
        if names is None:
            self.key, self.certificate = key, made


def end_of(certificate):
    """Return when CERTIFICATE ends. Before version 42, cryptography knew only times without a time zone."""
    end = getattr(certificate, "not_valid_after_utc", None)
    return end or certificate.not_valid_after.replace(tzinfo=timezone.utc)


def key_usage(authority):
    """Return what the key of an AUTHORITY, or else of a host, may be used for."""
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def write(path, data):
    """Write DATA to PATH, which only we may read, so that nobody sees a part of it."""
    part = path.with_name(f"{path.name}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(data)
    part.replace(path)


def main():
    """Answer the question in standard input."""
    asked = json.load(sys.stdin)
    folder = Path(asked["folder"])
    try:
        peers, clients = (Authority(folder / name, asked["check"]) for name in ("peers", "clients"))
        for host, address in asked["members"].items():
            peers.ensure(host, address, MEMBER)
            clients.ensure(host, address, MEMBER)
        for host in asked["clients"]:
            if host not in asked["members"]:
                clients.ensure(host, None, CLIENT)
        answer = {"changed": peers.changed + clients.changed}
    except (Problem, OSError, ValueError) as error:
        answer = {"problem": str(error)}
    json.dump(answer, sys.stdout)


main()
