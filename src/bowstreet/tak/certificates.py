"""The certificates of a TLS connection to a TAK server, read from files: who the server must be, who this program is."""

import hashlib
import ssl
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bowstreet.errors import MalformedConfiguration
from bowstreet.tak.model import TlsFiles


def context(files: TlsFiles) -> ssl.SSLContext:
    """What a connection is made with: TLS 1.2 at least, one authority, the server's name checked unless it is pinned.

    Raises:
        MalformedConfiguration: a file cannot be used; which one, and what to do.
    """
    digest_of(files.authority)
    digest_of(files.certificate)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.check_hostname = not files.pinned
    made.load_verify_locations(cafile=str(files.authority))
    try:
        made.load_cert_chain(files.certificate, files.private_key, password=lambda: files.password)
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", "") or error.strerror or "it needs a passphrase"
        raise MalformedConfiguration(
            f"{files.private_key} is no key of {files.certificate} ({str(reason).lower().replace('_', ' ')})",
            remedy="give the PEM key of that certificate, and in 'private_key_password' its passphrase if it has one",
        ) from error
    return made


def digest_of(path: Path) -> str:
    """SHA-256 (hex) of the first certificate in a PEM file. Raises `MalformedConfiguration`."""
    return hashlib.sha256(_first(path).public_bytes(Encoding.DER)).hexdigest()


def ends_at(path: Path) -> datetime:
    """When the first certificate in a PEM file expires. Raises `MalformedConfiguration`."""
    return _first(path).not_valid_after_utc


def _first(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]
    except OSError as error:
        raise MalformedConfiguration(f"{path} cannot be read ({error.strerror})", remedy="name a PEM file") from error
    except ValueError as error:
        raise MalformedConfiguration(
            f"{path} holds no certificate in PEM form", remedy="convert a .p12 with 'openssl pkcs12' as docs/tak.md shows"
        ) from error
