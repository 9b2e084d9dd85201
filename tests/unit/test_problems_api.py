"""Errors become problem details that say what to do."""

import json

import pytest

from bowstreet import errors
from bowstreet.console import problems


def _all_errors(kind: type[errors.BowstreetError]) -> set[type[errors.BowstreetError]]:
    return {kind, *(below for child in kind.__subclasses__() for below in _all_errors(child))}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotSignedIn("x"), 401),
        (errors.NotPermitted("x"), 403),
        (errors.TooManyAttempts("x"), 429),
        (errors.Refused("x"), 409),
        (errors.NotFound("x"), 404),
        (errors.MalformedReport("x"), 409),
        (errors.Conflict("x"), 409),
        (errors.LinkFailure("x"), 409),
        (errors.StoreUnavailable("x"), 503),
        (errors.LedgerBroken("x"), 503),
        (errors.BowstreetError("x"), 500),
        (problems.HeldInQuarantine("x", quarantine_id="q-1"), 409),
        (problems.MisfitInQuarantine("x", quarantine_id="q-1"), 422),
        (problems.Misfit("x"), 422),
    ],
)
def test_status(error: errors.BowstreetError, status: int) -> None:
    assert problems.status_of(error) == status


def test_every_error_of_the_tree_has_a_title_and_a_status() -> None:
    plain = {kind for kind in _all_errors(errors.BowstreetError) if kind.__module__ == "bowstreet.errors"}
    for kind in plain - {errors.BowstreetError}:
        problem = problems.problem_of(kind("what", remedy="do that"), "/api/v1/x")
        assert problem.status in range(400, 504)
        assert problem.type == f"urn:bowstreet:problem:{kind.problem}"
        assert (problem.detail, problem.remedy, problem.instance) == ("what", "do that", "/api/v1/x")
        assert problem.title


def test_answer_is_a_problem_document() -> None:
    answer = problems.answer(errors.TooManyAttempts("too many", remedy="wait"), "/api/v1/session")
    assert answer.media_type == "application/problem+json"
    assert answer.headers["Retry-After"]
    assert json.loads(bytes(answer.body)) == {
        "type": "urn:bowstreet:problem:too-many-attempts",
        "title": "Too many requests",
        "status": 429,
        "detail": "too many",
        "remedy": "wait",
        "instance": "/api/v1/session",
    }


def test_sign_in_is_asked_for() -> None:
    assert "Bearer" in problems.answer(errors.NotSignedIn("x"), "/").headers["WWW-Authenticate"]


def test_the_unforeseen_says_nothing_of_itself() -> None:
    answer = problems.unforeseen(ValueError("secret detail"), "/api/v1/x")
    assert answer.status_code == 500
    assert b"secret" not in bytes(answer.body)
