"""Diagnostic logs: one line an event on standard error, for people or as JSON. They are not evidence; the ledger is.

A constant message and fields. What could be about a person is dropped here, whatever the caller passes.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# Fields that could hold what a caller said, who somebody is, or how to pass for them.
PERSONAL = frozenset({
    "text", "raw", "body", "payload", "name", "names", "caller", "caller_reference", "phone", "address", "email",
    "password", "password_hash", "token", "secret", "salt", "cookie", "csrf", "authorization", "session", "key",
    "face", "template", "embedding",
})  # fmt: skip
_DROPPED = "dropped_fields"


def without_personal_data(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop personal fields, also inside mappings, and say which were dropped."""
    dropped: list[str] = []
    kept = _clean(event, dropped)
    if dropped:
        kept[_DROPPED] = sorted(set(dropped))
    return kept


def _clean(fields: Mapping[str, Any], dropped: list[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in fields.items():
        if str(key).lower() in PERSONAL:
            dropped.append(str(key))
        elif isinstance(value, Mapping):
            kept[key] = _clean(value, dropped)
        elif isinstance(value, (list, tuple)):
            kept[key] = [_clean(one, dropped) if isinstance(one, Mapping) else one for one in value]
        else:
            kept[key] = value
    return kept


def where_it_failed(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """An exception as its type and frames. The message of a value error is withheld: it tends to quote the value."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["exception"] = type(error).__name__
        if not isinstance(error, (ValueError, LookupError)):
            event["exception_message"] = str(error)
        event["exception_at"] = [
            f"{frame.filename.rpartition('/bowstreet/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-8:]
        ]
    return event


def _processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        where_it_failed,
        without_personal_data,
    ]


def configure(level: str = "info", style: str = "console", stream: TextIO | None = None) -> None:
    """Set up logging for the process, libraries included.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        style: `console` for people, `json` for machines.
        stream: where to; standard error when not given.
    """
    stream = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[*_processors(), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_processors(),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    # Libraries say too much at their lower levels, requests' addresses among it.
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
