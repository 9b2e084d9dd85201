"""Logs drop what could be about a person; metrics are a registry of their own."""

import io
import json
import logging
from collections import Counter

import pytest
import structlog

from bowstreet.errors import LinkFailure
from bowstreet.runtime import logs
from bowstreet.runtime.metrics import Metrics


@pytest.fixture
def out() -> io.StringIO:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_personal_fields_are_dropped_at_any_depth(out: io.StringIO) -> None:
    structlog.get_logger().info(
        "a call", text="my husband…", incident_id="inc-1", report={"Name": "Ada", "grade": "I"}, all=[{"token": "x"}]
    )
    [line] = lines(out)
    assert line["event"] == "a call"
    assert line["incident_id"] == "inc-1"
    assert line["report"] == {"grade": "I"}
    assert line["all"] == [{}]
    assert line["dropped_fields"] == ["Name", "text", "token"]
    assert "husband" not in out.getvalue()


def test_the_message_of_a_value_error_is_withheld(out: io.StringIO) -> None:
    for error in (ValueError("invalid: my husband"), KeyError("my husband"), LinkFailure("the dock is silent")):
        try:
            raise error
        except Exception:
            structlog.get_logger().exception("it failed")
    assert "husband" not in out.getvalue()
    assert [line["exception"] for line in lines(out)] == ["ValueError", "KeyError", "LinkFailure"]
    assert lines(out)[2]["exception_message"] == "the dock is silent"
    assert "test_the_message" in str(lines(out)[0]["exception_at"])


def test_levels_and_libraries(out: io.StringIO) -> None:
    structlog.get_logger().debug("too much")
    logging.getLogger("some.library").info("GET / from 192.0.2.1")
    logging.getLogger("some.library").warning("something is off")
    assert [line["event"] for line in lines(out)] == ["something is off"]


def test_console_style_has_no_values_of_local_variables() -> None:
    stream = io.StringIO()
    logs.configure("debug", "console", stream)
    caller = "my husband"
    try:
        raise RuntimeError(f"{len(caller)} letters")
    except RuntimeError:
        structlog.get_logger().exception("it failed")
    assert "10 letters" in stream.getvalue()
    assert "husband" not in stream.getvalue()


def test_metrics_are_rendered_and_not_shared() -> None:
    one, other = Metrics(), Metrics()
    one.counter("launches_total", "Launches", ["grade"]).labels("I").inc()
    one.histogram("decision_seconds", "Decisions").observe(0.004)
    counts: Counter[str] = Counter(IncidentOpened=3)
    one.read_counts("messages_total", "Messages", "type", lambda: counts)
    one.read_gauge("ledger_entries", "Entries", lambda: 7)
    other.counter("launches_total", "Launches")
    counts["IncidentOpened"] += 1
    text = one.render().decode()
    assert 'bowstreet_launches_total{grade="I"} 1.0' in text
    assert 'bowstreet_decision_seconds_bucket{le="0.005"} 1.0' in text
    assert 'bowstreet_messages_total{type="IncidentOpened"} 4.0' in text
    assert "bowstreet_ledger_entries 7.0" in text
    assert "process_cpu_seconds_total" in text


def test_a_figure_named_with_the_prefix_is_refused_where_it_is_registered() -> None:
    metrics = Metrics()
    with pytest.raises(ValueError, match="'links'"):
        metrics.read_gauge("bowstreet_links", "Links", lambda: 1.0)
    with pytest.raises(ValueError, match="'links'"):
        metrics.read_counts("bowstreet_links", "Links", "kind", dict)
    with pytest.raises(ValueError, match="'links'"):
        metrics.gauge("bowstreet_links", "Links")
    metrics.read_gauge("links", "Links", lambda: 1.0)
    assert "bowstreet_bowstreet" not in metrics.render().decode()
