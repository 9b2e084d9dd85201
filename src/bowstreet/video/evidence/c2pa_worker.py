"""The only process that lets the C2PA library at a video: makes a manifest for it, or holds one against it.

What it looks at came from outside. It may do little: it writes no file, reaches no network, has bounded memory and time, and asks
the program for the octets of the video and for the signature.
"""

import contextlib
import ctypes
import json
import os
import sys
from collections import OrderedDict
from typing import Any, BinaryIO

from bowstreet.runtime.confinement import limit
from bowstreet.video.evidence.asking import Failed, Given, Job, Made, Octets, Seen, Sign, hear, tell

# Virtual memory; measured: 490 MB for a video of 300 MB, 720 MB for 1 GB, as the library hashes in pieces of 256 MiB.
MEMORY_BYTES = 2 * 1024**3
CPU_S, OPEN_FILES = 900, 64
BLOCK_BYTES, BLOCKS = 1024 * 1024, 6
MOST_WORDS = 200
FORMAT = "video/mp4"
_SETTINGS: dict[str, Any] = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": False}}


class Asked:
    """The program at the other end."""

    def __init__(self, heard: BinaryIO, told: BinaryIO) -> None:
        self._heard, self._told = heard, told

    def ask(self, question: Octets | Sign) -> bytes:
        tell(self._told, question)
        answer = hear(self._heard)
        if not isinstance(answer, Given):
            os._exit(1)  # the program is gone
        return answer.data


class Video:
    """The video as the library reads it: a file that is asked for block by block."""

    def __init__(self, asked: Asked, octets: int) -> None:
        self._asked, self._octets, self._at = asked, octets, 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def read(self, count: int) -> bytes:
        number, within = divmod(self._at, BLOCK_BYTES)
        data = self._block(number)[within : within + count] if self._at < self._octets else b""
        self._at += len(data)
        return data

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = self._asked.ask(Octets(at=number * BLOCK_BYTES, count=BLOCK_BYTES))
            if len(self._blocks) > BLOCKS:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(number)
        return block

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, (0, self._at, self._octets)[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def write(self, data: bytes) -> int:
        raise OSError("it is only read")

    def flush(self) -> None: ...


def sign(job: Job, asked: Asked) -> Made:
    """The library's own `Builder.sign` copies the video twice, into memory or in the clear onto a disk. Beside it there is what
    only hashes it, piece by piece: in the shared library of the package, whose Python has no words for it yet."""
    import c2pa
    from c2pa import c2pa as binding

    library: Any = binding._lib  # noqa: SLF001 - see above
    algorithm = c2pa.C2paSigningAlg[job.algorithm]
    signer = c2pa.Signer.from_callback(lambda data: asked.ask(Sign(data=bytes(data))), algorithm, job.chain, None)
    kind, film = ctypes.c_char_p(FORMAT.encode()), binding.Stream(Video(asked, job.octets))
    with c2pa.Context.from_dict(_SETTINGS, signer=signer) as context, c2pa.Builder(job.definition, context) as builder:
        handle: Any = builder._handle  # noqa: SLF001
        _made(library, library.c2pa_builder_placeholder, handle, kind)  # from now on it has a hash of the kind that an MP4 has
        library.c2pa_builder_update_hash_from_stream.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        if library.c2pa_builder_update_hash_from_stream(handle, kind, film._stream) != 0:  # noqa: SLF001
            raise OSError("the video could not be hashed")
        return Made(manifest=_made(library, library.c2pa_builder_sign_embeddable, handle, ctypes.c_char_p(b"application/c2pa")))


def _made(library: Any, function: Any, handle: Any, kind: ctypes.c_char_p) -> bytes:
    """What a function of the library gives as a pointer and a length."""
    given = ctypes.POINTER(ctypes.c_ubyte)()
    function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p], ctypes.c_int64
    count = function(handle, kind, ctypes.byref(given))
    if count <= 0:
        raise OSError("the library gave nothing")
    made = ctypes.string_at(given, count)
    library.c2pa_free(given)
    return made


def look(job: Job, asked: Asked) -> Seen:
    import c2pa

    settings = _SETTINGS
    if job.chain:
        settings = {"trust": {"user_anchors": job.chain}, "verify": {**_SETTINGS["verify"], "verify_trust": True}}
    with (
        c2pa.Context.from_dict(settings) as context,
        c2pa.Reader(FORMAT, Video(asked, job.octets), job.manifest, context) as reader,
    ):
        active = reader.get_active_manifest() or {}
        signed = active.get("signature_info") or {}
        results = (reader.get_validation_results() or {}).get("activeManifest") or {}
        ours: Any = next(
            (one.get("data") for one in active.get("assertions", []) if one.get("label") == "org.bowstreet.evidence"), {}
        )
        return Seen(
            state=str(reader.get_validation_state()), signer=str(signed.get("common_name", ""))[:MOST_WORDS],
            issuer=str(signed.get("issuer", ""))[:MOST_WORDS], assertion=json.dumps(ours)[:4_000],
            faults=tuple(str(one.get("code"))[:MOST_WORDS] for one in results.get("failure", []))[:20],
        )  # fmt: skip


def main() -> int:
    heard, told = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand among what is said
    job = hear(heard)
    if not isinstance(job, Job):
        return 1
    limit(MEMORY_BYTES, OPEN_FILES, CPU_S)
    asked = Asked(heard, told)
    with contextlib.suppress(BrokenPipeError):
        try:
            said: Made | Seen = look(job, asked) if job.manifest else sign(job, asked)
        except Exception as error:  # the edge of this process; whatever the library raises is an answer
            tell(told, Failed(what=f"{type(error).__name__}: {error}"[:MOST_WORDS]))
        else:
            tell(told, said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
