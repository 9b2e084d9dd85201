"""What holds for every test: the process is left as it was found."""

import gc
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

# What passed passes again: properties are tried on the same examples each time, however busy the machine is. Others are sought with
# `pytest --hypothesis-profile=seeking tests/property`.
settings.register_profile("seeking", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("seeking"), derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A program that a test runs in this process sets up its logs, to an output that pytest closes when the test is over."""
    root, configured, kept = logging.getLogger(), structlog.is_configured(), structlog.get_config()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    if configured:
        structlog.configure(**kept)
    for handler in list(root.handlers):
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    for handler in handlers:
        if handler not in root.handlers:
            root.addHandler(handler)
    root.setLevel(level)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Plugins import at the end, and pytest parses what they import. A finalizer that imports meanwhile would end Python 3.11 with a
    `SystemError` (python/cpython#106905) when every test has passed: what is garbage is collected before, and not then."""
    gc.collect()
    gc.disable()
