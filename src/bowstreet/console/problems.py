"""Errors as RFC 9457 problem details. Services raise from the one error tree; only here does an error become a status.

A problem says what is wrong (`detail`) and what the reader can do (`remedy`). It never carries call text, names or a trace.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bowstreet import errors

MEDIA_TYPE = "application/problem+json"

log = structlog.get_logger(__name__)


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details. `type` is stable for machines, `detail` and `remedy` are for people."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str = ""
    instance: str = ""
    rule: str = ""  # of the policy, by its id, when the policy refused it
    quarantine_id: str = ""  # where the report is kept, when the problem is a call that could not be used


class EdgeError(errors.BowstreetError):
    """Something wrong with the HTTP of a request itself, before any service was asked."""

    def __init__(
        self, status: HTTPStatus, problem: str, message: str, *, remedy: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.kind = problem
        self.headers = dict(headers or {})


class Misfit(errors.BadInput):
    """A request that does not fit its schema."""


class HeldInQuarantine(errors.MalformedReport):
    """A well-formed call that cannot be used here or now: outside the area, too long ago. It is kept for a person to mend."""

    problem = "quarantined"

    def __init__(self, message: str, *, quarantine_id: str) -> None:
        super().__init__(message, remedy="mend the report and send it again, or see it under quarantine in the console")
        self.quarantine_id = quarantine_id


class MisfitInQuarantine(Misfit, HeldInQuarantine):
    """A call whose form is wrong, kept all the same."""


# The first class of an error's ancestry found here decides. 422 says that a request does not fit the schema in the OpenAPI
# document, and only that; what fits and still cannot be done, by a rule, the present state or a vehicle, is a conflict. 403 is
# kept for who may, 5xx for what the operator must mend.
_STATUS: dict[type[errors.BowstreetError], HTTPStatus] = {
    Misfit: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotSignedIn: HTTPStatus.UNAUTHORIZED,
    errors.NotPermitted: HTTPStatus.FORBIDDEN,
    errors.TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Refused: HTTPStatus.CONFLICT,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.MalformedProof: HTTPStatus.BAD_REQUEST,
    errors.BadInput: HTTPStatus.CONFLICT,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.LinkFailure: HTTPStatus.CONFLICT,
    errors.ProviderUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.MeasureUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LedgerBroken: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.KeyUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

_TITLES: dict[str, str] = {
    "other-model": "Another model is in use",
    "not-signed-in": "Not signed in",
    "not-permitted": "Not permitted",
    "proof-needed": "Prove again who you are",
    "too-many-attempts": "Too many requests",
    "refused": "A rule forbids it",
    "not-found": "Not found",
    "bad-input": "Cannot be used as it is",
    "malformed-report": "The report cannot be used",
    "malformed-zone": "The file of zones cannot be used",
    "quarantined": "The report is held in quarantine",
    "conflict": "It does not fit the present state",
    "link-failure": "The vehicle or dock did not do it",
    "provider-unavailable": "The identity provider does not answer",
    "store-unavailable": "The record cannot be written",
    "ledger-broken": "The ledger does not verify",
}

RETRY_AFTER_S = "5"  # a person's pace; a limit is refilled and a store has recovered or not by then


def status_of(error: errors.BowstreetError) -> HTTPStatus:
    """The HTTP status that an error is answered with."""
    if isinstance(error, EdgeError):
        return error.status
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), HTTPStatus.INTERNAL_SERVER_ERROR)


def problem_of(error: errors.BowstreetError, instance: str) -> Problem:
    """The problem details of an error that met a request for the path `instance`."""
    status = status_of(error)
    kind = error.kind if isinstance(error, EdgeError) else error.problem
    return Problem(
        type=f"urn:bowstreet:problem:{kind}",
        title=_TITLES.get(kind, status.phrase),
        status=status.value,
        detail=error.message,
        remedy=error.remedy,
        instance=instance,
        rule=getattr(error, "rule", ""),
        quarantine_id=getattr(error, "quarantine_id", ""),
    )


def answer(error: errors.BowstreetError, instance: str) -> Response:
    """The HTTP response for an error."""
    problem = problem_of(error, instance)
    headers = dict(error.headers) if isinstance(error, EdgeError) else {}
    if problem.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers.setdefault("Retry-After", RETRY_AFTER_S)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="bowstreet"')
    return Response(msgspec.json.encode(problem), problem.status, headers, MEDIA_TYPE)


def install(app: FastAPI, methods_of: Callable[[str], str]) -> None:
    """Make `app` answer every error as a problem. `methods_of` gives the methods that a path has."""

    @app.exception_handler(errors.BowstreetError)
    async def _ours(request: Request, error: errors.BowstreetError) -> Response:
        if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request failed", problem=error.problem, path=request.url.path)
        return answer(error, request.url.path)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        told = answer(_of_http(error), request.url.path)
        if told.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            told.headers["Allow"] = methods_of(request.url.path)
        return told

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        return answer(Misfit(_first_fault(error), remedy="see /api/v1/openapi.json"), request.url.path)

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> Response:
        return unforeseen(error, request.url.path)


def unforeseen(error: Exception, instance: str) -> Response:
    """The response for an error nobody raised on purpose. The edge of a request is the one place where it may end."""
    log.error("request failed unexpectedly", kind=type(error).__name__, path=instance, exc_info=error)
    failure = errors.BowstreetError("something went wrong inside", remedy="report it with the time; the log says where")
    return answer(failure, instance)


def _of_http(error: HTTPException) -> errors.BowstreetError:
    """Starlette's own errors: no such path, method not allowed."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return errors.NotFound("there is nothing at this address", remedy="see /api/v1/openapi.json")
    status = HTTPStatus(error.status_code)
    kind = status.phrase.lower().replace(" ", "-")
    return EdgeError(status, kind, status.description or status.phrase, remedy="see /api/v1/openapi.json", headers=error.headers)


def _first_fault(error: RequestValidationError) -> str:
    first = error.errors()[0]
    return f"{' '.join(str(part) for part in first['loc'])}: {first['msg']}"
