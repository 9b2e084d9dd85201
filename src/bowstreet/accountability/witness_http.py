"""The witness protocol over HTTP: the desk as a small server, and a log's call to a witness elsewhere."""

import asyncio
from http import HTTPStatus

import httpx
import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes
from bowstreet.accountability import witness
from bowstreet.accountability.answers import TooMuch, answered
from bowstreet.accountability.note import Note, SignatureLine, VerifierKey
from bowstreet.accountability.transparency_log import Prove
from bowstreet.accountability.witness import MOST_BODY_BYTES, Verdict, WitnessDesk
from bowstreet.errors import LinkFailure, MalformedProof, StoreUnavailable

log = structlog.get_logger(__name__)

# A witness answers from memory and one fsync; one that takes longer is asked again at the next checkpoint.
PATIENCE_S = 10.0
MOST_ANSWER_BYTES = 16 * 1024
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"
# c2sp.org/tlog-witness, add-checkpoint.
STATUS = {
    Verdict.SIGNED: HTTPStatus.OK,
    Verdict.OTHER_SIZE: HTTPStatus.CONFLICT,
    Verdict.MALFORMED: HTTPStatus.BAD_REQUEST,
    Verdict.UNKNOWN_LOG: HTTPStatus.NOT_FOUND,
    Verdict.UNSIGNED: HTTPStatus.FORBIDDEN,
    Verdict.UNPROVEN: HTTPStatus.UNPROCESSABLE_ENTITY,
}


def application(desk: WitnessDesk) -> Starlette:
    """`POST /add-checkpoint`, `GET /` that says whose witness this is, `GET /checkpoint/…` with the latest that it signed for a
    log."""
    turn = asyncio.Lock()

    async def add_checkpoint(request: Request) -> Response:
        body = b""
        try:
            async for part in request.stream():
                body += part
                if len(body) > MOST_BODY_BYTES:
                    return PlainTextResponse("too large\n", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        async with turn:
            try:
                answer = await asyncio.to_thread(desk.add_checkpoint, body)
            except StoreUnavailable as error:
                log.error("the witness cannot keep what it signs", error=str(error))
                return PlainTextResponse("cannot sign now\n", HTTPStatus.SERVICE_UNAVAILABLE)
        kind = SIZE_TYPE if answer.verdict is Verdict.OTHER_SIZE else TEXT_TYPE
        return Response(answer.body, STATUS[answer.verdict], {"content-type": kind})

    async def says(request: Request) -> Response:
        return PlainTextResponse(f"{desk.key.write()}\n")

    async def latest(request: Request) -> Response:
        try:
            found = await asyncio.to_thread(desk.latest, request.path_params["log"])
        except StoreUnavailable:
            return PlainTextResponse("cannot be read now\n", HTTPStatus.SERVICE_UNAVAILABLE)
        return PlainTextResponse("nothing was signed\n", HTTPStatus.NOT_FOUND) if found is None else PlainTextResponse(found)

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/checkpoint/{log}", latest),
            Route("/", says),
        ]
    )


class RemoteWitness:
    """A witness by its address.

    Args:
        prefix: its submission prefix, such as `https://witness.example/`.
        key: what its signatures are checked with: a witness that signs with another is as good as none.
        patience_s: for a whole answer. The log's next checkpoint waits for it.
    """

    def __init__(
        self, prefix: str, key: VerifierKey, client: httpx.AsyncClient | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        self._prefix = prefix.rstrip("/")
        self._key = key
        self._patience_s = patience_s
        self._client = client or httpx.AsyncClient(timeout=PATIENCE_S, follow_redirects=False)
        self._seen = 0

    @property
    def key(self) -> VerifierKey:
        return self._key

    async def cosign(self, signed: Note, prove: Prove) -> SignatureLine:
        """Raises `LinkFailure` when it does not answer, refuses, or signs with another key."""
        answer = await self._submit(signed, prove)
        if answer.status_code == HTTPStatus.CONFLICT and answer.headers.get("content-type", "").startswith(SIZE_TYPE):
            self._seen = self._size(answer)
            answer = await self._submit(signed, prove)
        if answer.status_code != HTTPStatus.OK:
            raise self._failure(f"answers {answer.status_code}")
        try:
            lines = notes.read(signed.text.encode() + b"\n" + answer.content).signatures
        except MalformedProof as error:
            raise self._failure("answers what is no signature") from error
        for line in lines:
            if checkpoints.cosigned_by(Note(text=signed.text, signatures=(line,)), self._key) is not None:
                self._seen = checkpoints.read_text(signed.text).size
                return line
        raise self._failure("signs with another key than it is known by")

    async def latest(self, origin: str) -> Note | None:
        """The latest that it signed for a log; None when it signed none.

        Not part of c2sp.org/tlog-witness: a witness of another make answers 404, and gives nothing to compare.

        Raises:
            LinkFailure: it does not answer, or not with a checkpoint.
        """
        answer = await self._call("GET", f"/checkpoint/{witness.log_name(origin)}")
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if answer.status_code != HTTPStatus.OK:
            raise self._failure(f"answers {answer.status_code}")
        try:
            _, note = checkpoints.read(answer.content)
        except MalformedProof as error:
            raise self._failure("answers what is no checkpoint") from error
        return note

    async def _submit(self, signed: Note, prove: Prove) -> httpx.Response:
        try:
            proof = tuple(await prove(self._seen))
        except ValueError as error:
            raise self._failure(f"says that it signed {self._seen} entries, which is more than there are") from error
        body = witness.write_request(witness.Request(old_size=self._seen, proof=proof, checkpoint=signed.write()))
        return await self._call("POST", "/add-checkpoint", body)

    async def _call(self, method: str, path: str, body: bytes | None = None) -> httpx.Response:
        try:
            where = self._prefix + path
            return await answered(
                self._client, method, where, most_bytes=MOST_ANSWER_BYTES, within_s=self._patience_s, content=body
            )
        except TooMuch as error:
            raise self._failure("answers too much") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise self._failure(f"cannot be reached ({type(error).__name__})") from error

    def _size(self, answer: httpx.Response) -> int:
        try:
            return checkpoints.read_size(answer.text.strip())
        except MalformedProof as error:
            raise self._failure("answers what is no size") from error

    def _failure(self, what: str) -> LinkFailure:
        return LinkFailure(f"the witness {self._key.name} {what}", remedy="look at its address and key in the configuration")
