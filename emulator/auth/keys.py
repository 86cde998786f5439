"""The key pair made at start, and its self-signed certificate, registered with the client app."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.x509.oid import NameOID

CERTIFICATE_DAYS = 3650


@dataclass(frozen=True)
class KeyPair:
    """Where the private key lies, and the certificate that verifies what it signs."""

    private_key_file: Path
    certificate: x509.Certificate

    @property
    def public_key(self) -> RSAPublicKey:
        key = self.certificate.public_key()
        assert isinstance(key, RSAPublicKey)
        return key


def key_pair(folder: Path) -> KeyPair:
    """The key pair in `folder`; made when there is none yet."""
    key_file, certificate_file = folder / "private_key.pem", folder / "certificate.pem"
    if not (key_file.exists() and certificate_file.exists()):
        key = generate_private_key(public_exponent=65537, key_size=2048)
        _write_private(
            key_file,
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        certificate_file.write_bytes(_certificate(key).public_bytes(serialization.Encoding.PEM))
    return KeyPair(key_file, x509.load_pem_x509_certificate(certificate_file.read_bytes()))


def _write_private(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def _certificate(key: RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tidegate emulator")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .sign(key, hashes.SHA256())
    )
