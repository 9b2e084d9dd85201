"""A command whose module is imported when it is called, so that `--help` and `--version` answer at once."""

import argparse
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, slots=True)
class Later:
    """The function `name` of a module of `bowstreet.commands`: takes the words of the command line, gives the exit status."""

    module: str
    name: str

    def load(self) -> Callable[[argparse.Namespace], int]:
        return cast(
            Callable[[argparse.Namespace], int], getattr(importlib.import_module(f"bowstreet.commands.{self.module}"), self.name)
        )

    def __call__(self, arguments: argparse.Namespace) -> int:
        return self.load()(arguments)
