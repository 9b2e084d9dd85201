"""One type, two uses: a msgspec struct decodes a body strictly, and is the schema in the OpenAPI document.

msgspec refuses NaN, numbers out of range, lone surrogates and unknown keys, and says where.
"""

import copy
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import FastAPI, Path, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from bowstreet.console import problems
from bowstreet.console.problems import EdgeError, Misfit, Problem

T = TypeVar("T")

COMPONENT = "#/components/schemas/{name}"
JSON = "application/json"

# Ids are a short prefix and a ULID, or an operator's own name for a drone or dock. No character that a path treats specially.
Id = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")]

# Zones come from the files of others, whose identifiers have more in them.
ZoneId = Annotated[str, Path(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:,+() \-]*$")]

# What people write as a reason: kept in the record, so it must say something.
# Something to see: neither Python's white space nor ECMAScript's, which differ, so that the document and we say the same.
VISIBLE = r"[^\s\x1c-\x1f\x85\ufeff]"
ReasonText = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=VISIBLE, description="why, for the record")]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90, description="WGS 84, degrees")]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180, description="WGS 84, degrees")]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what requests carry. A key that means nothing here is refused: it is most often a misspelt one."""


async def read(request: Request, type_: Any) -> Any:
    """The body of `request` as `type_`.

    Raises:
        EdgeError: 415 when it is not said to be JSON, 400 when it is not JSON.
        Misfit: when it is JSON of another shape; says where.
    """
    require_json(request)
    return decode(await request.body(), type_)


def require_json(request: Request) -> None:
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != JSON or charset not in ("", "utf-8"):
        raise EdgeError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "the body is not said to be JSON in UTF-8",
            remedy="send Content-Type: application/json",
        )


def decode(body: bytes, type_: Any) -> Any:
    """Strict JSON to `type_`; `Any` gives plain dicts and lists."""
    try:
        try:
            return msgspec.json.decode(body, type=type_)
        except msgspec.ValidationError as error:
            # To JSON Schema 2.0 is an integer; whoever writes all numbers so is not turned away.
            if b".0" not in body:
                raise
            try:
                return msgspec.convert(_whole(msgspec.json.decode(body)), type=type_)
            except msgspec.ValidationError:
                raise error from None
    except msgspec.ValidationError as error:
        raise Misfit(f"the body does not fit: {error}", remedy="see the schema in /api/v1/openapi.json") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, OverflowError) as error:
        raise EdgeError(
            HTTPStatus.BAD_REQUEST,
            "malformed-json",
            "the body is not JSON",
            remedy="send one JSON object in UTF-8, at most a few levels deep",
        ) from error


def _whole(value: Any) -> Any:
    """The same, with floats that are whole numbers as such."""
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def json(value: Any, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer. Anything under /api is for its asker only: never cached."""
    return Response(msgspec.json.encode(value), status, headers, JSON)


# --- the document ---------------------------------------------------------------------------------------------------

_SHOWN: dict[str, Any] = {}  # every type named by a route, by schema name

_SAID: dict[int, str] = {
    400: "Not HTTP or JSON as it should be",
    401: "Not signed in",
    403: "Not permitted, or a request from another site",
    404: "No such thing",
    405: "Not a method of this address",
    408: "The body came too slowly",
    409: "It does not fit the present state, or a rule forbids it now",
    413: "The body is too large",
    415: "The body is not said to be JSON",
    422: "The request does not fit its schema",
    429: "Too many requests",
    500: "A fault of the program",
    503: "The record cannot be written now",
}
_ALWAYS = (400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 503)


def shown(type_: Any) -> dict[str, Any]:
    """An OpenAPI response or body with `type_` in it."""
    return {"content": {JSON: {"schema": reference(type_)}}}


def reference(type_: Any) -> dict[str, Any]:
    """The schema of `type_`, naming its parts as components. A tuple of types stands for any of them.

    Raises:
        ValueError: another type has the name of one of its parts; the later would take the place of the earlier unseen.
    """
    if isinstance(type_, tuple):
        return {"anyOf": [reference(one) for one in type_]}
    [schema], parts = msgspec.json.schema_components([type_], ref_template=COMPONENT)
    if twice := [name for name, part in parts.items() if _SHOWN.get(name, part) != part]:
        raise ValueError(f"two types of the API have the name {twice[0]}")
    _SHOWN.update(parts)
    return schema


def route(
    answer: Any = None,
    *,
    status: int = 200,
    body: Any = None,
    open_to_all: bool = False,
    changes: bool = False,
    key: bool = False,
    also: Iterable[int] = (),
    says: str = "Done",
) -> dict[str, Any]:
    """What a route's decorator says, so that the document tells all that can come back.

    Args:
        answer: type of the answer's JSON; None for an empty one.
        body: type of the request's JSON.
        open_to_all: needs no sign-in.
        changes: needs the CSRF header when the asker came by cookie.
        key: takes an Idempotency-Key.
    """
    success: dict[str, Any] = {"description": says}
    if answer is not None:
        success |= shown(answer)
    codes = (*_ALWAYS, *also, *((415,) if body is not None else ()))
    extra: dict[str, Any] = {"security": [] if open_to_all else _security(changes)}
    if body is not None:
        extra["requestBody"] = {"required": True, **shown(body)}
    if key:
        extra["parameters"] = [IDEMPOTENCY_PARAMETER]
    return {
        "status_code": status,
        "response_class": Response,
        "response_model": None,
        "responses": {status: success, **{code: _problem(code) for code in codes}},
        "openapi_extra": extra,
    }


IDEMPOTENCY_PARAMETER: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same body within a day, the command is not done again and the first answer comes back.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def _security(changes: bool) -> list[dict[str, list[str]]]:
    return [{"session": [], "csrf": []} if changes else {"session": []}, {"token": []}]


def _problem(code: int) -> dict[str, Any]:
    return {"description": _SAID[code], "content": {problems.MEDIA_TYPE: {"schema": reference(Problem)}}}


def document(app: FastAPI, *, cookie: str) -> dict[str, Any]:
    """The OpenAPI document of `app`."""
    said = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = said.setdefault("components", {})
    # The framework names what parameters take; its own shape of a failed validation is never answered.
    named = {name: part for name, part in components.get("schemas", {}).items() if not name.endswith("ValidationError")}
    components["schemas"] = copy.deepcopy(dict(sorted((named | _SHOWN).items())))
    components["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": cookie, "description": "set by POST /api/v1/session"},
        "csrf": {"type": "apiKey", "in": "header", "name": "X-Bowstreet-CSRF", "description": "`csrf` of GET /api/v1/session"},
        "token": {"type": "http", "scheme": "bearer", "description": "a service token, for a CAD"},
    }
    return said
