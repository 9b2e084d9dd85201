"""C2PA manifests beside the videos of an export: made with the operator's certificate, or one made here that says that nobody
vouches for it; and held against a video by whoever verifies.

The video stays as it came, so the manifest is a file of its own (a sidecar). What it adds to the bundle's own proof: any reader
of Content Credentials understands it.
"""

import asyncio
import base64
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import BinaryIO, cast

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bowstreet.errors import MalformedConfiguration, MalformedPacket, MalformedProof, StoreUnavailable
from bowstreet.runtime.confinement import environment
from bowstreet.runtime.ports import Clock
from bowstreet.video.evidence.asking import Failed, Given, Job, Made, Octets, Seen, Sign, hear, tell
from bowstreet.video.evidence.index import FootageIndex, VideoView
from bowstreet.video.evidence.model import Contents, ExportedCopy, ExportedFile
from bowstreet.video.evidence.source import Source

log = structlog.get_logger(__name__)

# The library's time grows with more than the square of a video's fragments, for who makes a manifest and for who reads it
# (measured: 12,000 in 6 s, 24,000 in 50 s). Twenty minutes of 25 pictures a second.
MOST_SIGNED_FRAGMENTS = 30_000
MOST_MANIFEST_BYTES = 1024 * 1024
ANSWER_S = 1_200.0
SELF_MADE = "Self-made certificate, vouched for by nobody"
_VALID = timedelta(days=3_650)
_CAPTURED = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
_DRAWN = "http://cv.iptc.org/newscodes/digitalsourcetype/virtualRecording"
FORMAT = "video/mp4"
_NICE = ("nice", "-n", "10")

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Give = Callable[[int, int], bytes]


class Certificate:
    """A chain of certificates (PEM, the signer's first) and the key of the first.

    Raises:
        MalformedConfiguration: they are none, do not belong together, or are of a kind that C2PA has not.
    """

    def __init__(self, chain: bytes, key: PrivateKey) -> None:
        try:
            certificates = x509.load_pem_x509_certificates(chain)
        except ValueError as error:
            raise _unusable("the certificate for evidence is no PEM") from error
        if certificates[0].public_key() != key.public_key():
            raise _unusable("the first certificate for evidence is not of the private key")
        self.chain, self._key = chain.decode("ascii"), key
        self.algorithm = _algorithm(key)
        names = certificates[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        self.says = str(names[0].value) if names else certificates[0].subject.rfc4514_string()

    @classmethod
    def read(cls, chain: bytes, key: bytes) -> "Certificate":
        """Both PEM. Raises `MalformedConfiguration`."""
        try:
            read = serialization.load_pem_private_key(key, None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _unusable("the private key for evidence is no PEM without a password") from error
        return cls(chain, cast(PrivateKey, read))

    def sign(self, data: bytes) -> bytes:
        """As COSE has it (RFC 9053)."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(data)
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            octets = (self._key.curve.key_size + 7) // 8
            r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(_HASHES[self.algorithm])))
            return r.to_bytes(octets, "big") + s.to_bytes(octets, "big")
        how = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
        return self._key.sign(data, how, hashes.SHA256())


_HASHES: dict[str, hashes.HashAlgorithm] = {"ES256": hashes.SHA256(), "ES384": hashes.SHA384(), "ES512": hashes.SHA512()}
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


def _algorithm(key: object) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ED25519"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2_048:
        return "PS256"
    raise _unusable("the private key for evidence is of a kind that C2PA has not")


def self_made(seed: bytes, operator: str, clock: Clock) -> bytes:
    """A chain for an Ed25519 key: a certificate of it by an issuer whose key is thrown away at once. PEM.

    C2PA takes no certificate that signed itself. This one says in its names that nobody vouches for it.
    """
    key, issuer = ed25519.Ed25519PrivateKey.from_private_bytes(seed), ed25519.Ed25519PrivateKey.generate()
    now = clock.now()
    names = [
        x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, operator[:60]), x509.NameAttribute(NameOID.COMMON_NAME, name)])
        for name in (SELF_MADE, f"{SELF_MADE} (issuer)")
    ]
    usage = {
        "content_commitment": False, "key_encipherment": False, "data_encipherment": False, "key_agreement": False,
        "crl_sign": False, "encipher_only": False, "decipher_only": False,
    }  # fmt: skip

    def begun(subject: x509.Name, public: ed25519.Ed25519PublicKey, authority: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(names[1])
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + _VALID)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
            .add_extension(x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, **usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
        )

    leaf = begun(names[0], key.public_key(), authority=False).add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
    )
    made = [leaf.sign(issuer, None), begun(names[1], issuer.public_key(), authority=True).sign(issuer, None)]
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in made)


# --- making -----------------------------------------------------------------------------------------------------------


class C2paCredentials:
    """Makes a manifest for each video that is not too large for it.

    Args:
        simulated: the cameras draw what they show; the manifest must not call it captured.
    """

    def __init__(self, certificate: Certificate, version: str, *, simulated: bool) -> None:
        self._certificate, self._version, self._simulated = certificate, version, simulated

    @property
    def says(self) -> str:
        return self._certificate.says

    async def made(
        self, index: FootageIndex, contents: Contents, copy: tuple[FootageIndex, ExportedCopy] | None = None
    ) -> Mapping[str, bytes]:
        original, index = index, copy[0] if copy else index
        videos = [said for said, _ in index.files() if said.name.endswith(".mp4")]
        found = {}
        for number, said in enumerate(videos, 1):
            view = index.open_video(number)
            if view.parts > MOST_SIGNED_FRAGMENTS:
                view.close()
                log.info("a video is too long for a C2PA manifest", recording=index.recording_id, fragments=view.parts)
                continue
            facts = self._facts(original, contents, said)
            definition = self._redacted(original, copy, said, facts) if copy else self._captured(index, said, facts)
            try:
                found[said.name] = await asyncio.to_thread(self._make, view, definition)
            except StoreUnavailable as error:
                log.warning("a video has no C2PA manifest", recording=index.recording_id, problem=error.message)
        return found

    def _make(self, view: VideoView, definition: str) -> bytes:
        with contextlib.closing(view):
            job = Job(
                octets=view.octets, definition=definition, algorithm=self._certificate.algorithm, chain=self._certificate.chain
            )
            said = _run(job, view.read_at, self._certificate.sign)
        if not isinstance(said, Made) or len(said.manifest) > MOST_MANIFEST_BYTES:
            raise StoreUnavailable("the manifest could not be made", remedy="look at the log")
        return said.manifest

    def _facts(self, index: FootageIndex, contents: Contents, video: ExportedFile) -> dict[str, object]:
        return {
            "export_id": contents.export_id, "incident_id": contents.incident_id, "recording_id": index.recording_id,
            "parts": index.reach.parts, "head": index.reach.head.hex(), "sha256": video.sha256, "operator": contents.operator,
        }  # fmt: skip

    def _captured(self, index: FootageIndex, video: ExportedFile, facts: Mapping[str, object]) -> str:
        created: dict[str, object] = {"action": "c2pa.created", "digitalSourceType": self._source}
        return self._definition(f"{index.recording_id}/{video.name}", [created], facts, [])

    def _redacted(
        self, original: FootageIndex, copy: tuple[FootageIndex, ExportedCopy], video: ExportedFile, facts: Mapping[str, object]
    ) -> str:
        """Opened, edited and coded anew, of a parent that is named by its hash and need not be there.

        `c2pa.redacted` is about assertions that were taken out of a manifest, and is refused of anything else."""
        index, said = copy
        head, films = original.reach.head.hex(), said.original_sha256
        parent = {
            "title": f"{index.recording_id}, as received", "format": FORMAT, "relationship": "parentOf", "label": "original",
            "instance_id": f"ni:///sha-256;{b64url(films)}",
            "description": f"SHA-256 of its films put together: {films}. Head of its chain in the operator's ledger: {head}",
        }  # fmt: skip
        actions: list[dict[str, object]] = [
            {"action": "c2pa.opened", "parameters": {"ingredientIds": ["original"]}},
            {
                "action": "c2pa.edited", "when": f"{said.made_at:%Y-%m-%dT%H:%M:%SZ}", "reason": said.reason,
                "description": f"heads and plates covered for good, by order of {said.made_by}; what, when and by whom is in the"
                " record with this SHA-256: " + said.record_sha256,
            },
            {"action": "c2pa.transcoded"},
        ]  # fmt: skip
        more = {
            "redacted": True, "original_sha256": films, "record_sha256": said.record_sha256, "copy_head": said.head,
            "copy_sha256": said.sha256,
        }  # fmt: skip
        return self._definition(f"{index.recording_id}, redacted/{video.name}", actions, {**facts, **more}, [parent])

    @property
    def _source(self) -> str:
        return _DRAWN if self._simulated else _CAPTURED

    def _definition(
        self, title: str, actions: list[dict[str, object]], facts: Mapping[str, object], ingredients: list[dict[str, str]]
    ) -> str:
        return json.dumps(
            {
                "claim_generator_info": [{"name": "Bowstreet", "version": self._version}],
                "title": title,
                "format": FORMAT,
                "ingredients": ingredients,
                "assertions": [
                    {"label": "c2pa.actions.v2", "data": {"actions": actions}},
                    {"label": "org.bowstreet.evidence", "data": facts},
                ],
            }
        )


def b64url(digest: str) -> str:
    """A digest in hex as a named-information URI has it (RFC 6920)."""
    return base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode("ascii")


# --- looking ----------------------------------------------------------------------------------------------------------


def look(source: Source, video: str, manifest: str, *, anchors: str = "") -> str:
    """What the manifest of a video comes to, in words.

    Args:
        anchors: PEM of whom to trust.

    Raises:
        MalformedProof: it does not fit the video.
    """
    with source.open(manifest) as file:
        data = file.read(MOST_MANIFEST_BYTES + 1)
    if not data or len(data) > MOST_MANIFEST_BYTES:
        raise _unfit("it is no C2PA manifest")
    with source.open(video) as film:

        def give(at: int, count: int) -> bytes:
            film.seek(max(0, at))
            return film.read(max(0, count))

        try:
            said = _run(Job(octets=source.octets[video], manifest=data, chain=anchors), give, None)
        except StoreUnavailable as error:
            return f"its C2PA manifest was not looked at ({error.message})"
    if isinstance(said, Failed) or not isinstance(said, Seen) or said.state not in ("Valid", "Trusted"):
        why = said.what if isinstance(said, Failed) else ", ".join(said.faults) if isinstance(said, Seen) else ""
        raise _unfit(f"its C2PA manifest does not fit the video ({_plain(why)})")
    trust = "on the trust list that was given" if said.state == "Trusted" else "on no trust list that was given"
    return f"its C2PA manifest fits it; signed by '{_plain(said.signer)}' of '{_plain(said.issuer)}', which is {trust}"


def _run(job: Job, give: Give, sign: Callable[[bytes], bytes] | None) -> Made | Seen | Failed:
    """Have a worker do it.

    Raises:
        StoreUnavailable: it did not answer in time, or not at all.
    """
    try:
        worker = subprocess.Popen(  # noqa: S603 - this program's own worker, by a fixed name
            [*_NICE, sys.executable, "-m", "bowstreet.video.evidence.c2pa_worker"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment(),
        )  # fmt: skip
    except OSError as error:
        raise _silent(f"no worker could be started: {error.strerror}") from error
    patience = threading.Timer(ANSWER_S, worker.kill)
    patience.daemon = True
    patience.start()
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        tell(cast(BinaryIO, worker.stdin), job)
        while (said := hear(cast(BinaryIO, worker.stdout))) is not None:
            if isinstance(said, Octets):
                tell(cast(BinaryIO, worker.stdin), Given(data=give(said.at, min(said.count, 2 * 1024 * 1024))))
            elif isinstance(said, Sign) and sign is not None:
                tell(cast(BinaryIO, worker.stdin), Given(data=sign(said.data)))
            elif isinstance(said, Made | Seen | Failed):
                return said
            else:
                break
        raise _silent("the worker ended without an answer")
    except (BrokenPipeError, MalformedPacket) as error:
        raise _silent("the worker failed") from error
    finally:
        patience.cancel()
        worker.kill()
        worker.wait()
        worker.stdin.close()
        worker.stdout.close()


def _plain(said: str) -> str:
    """What a stranger wrote, on one line and without tricks."""
    return "".join(one if one.isprintable() and one not in "'`" else "?" for one in said)[:120]


def _silent(what: str) -> StoreUnavailable:
    return StoreUnavailable(what, remedy="look at memory and at the log")


def _unfit(what: str) -> MalformedProof:
    return MalformedProof(what, remedy="get the bundle anew")


def _unusable(what: str) -> MalformedConfiguration:
    return MalformedConfiguration(what, remedy="see docs/evidence.md")
