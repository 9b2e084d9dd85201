"""The page of an evaluation."""

from collections.abc import Mapping
from typing import Any


def html_report(figures: Mapping[str, Any]) -> str:
    return ""
