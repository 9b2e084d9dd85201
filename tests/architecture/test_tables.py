"""The two tables tell the truth: every message is declared once, owned by a real folder, and nothing else is published."""

import ast
from pathlib import Path

import msgspec
import pytest

import bowstreet
from bowstreet.messages import MESSAGES, Message

SOURCE = Path(bowstreet.__file__).parent


def _declared() -> set[type[Message]]:
    return set(Message.__subclasses__())


def test_every_message_has_a_row() -> None:
    assert _declared() == set(MESSAGES)


def test_every_message_stands_in_the_file_of_its_owner() -> None:
    assert {kind.__name__: kind.__module__ for kind in MESSAGES} == {
        kind.__name__: f"bowstreet.messages.{spec.owner}" for kind, spec in MESSAGES.items()
    }


def test_every_owner_is_a_folder() -> None:
    assert {spec.owner for spec in MESSAGES.values()} <= {path.name for path in SOURCE.iterdir() if path.is_dir()}


@pytest.mark.parametrize("message_type", sorted(MESSAGES, key=lambda t: t.__name__), ids=lambda t: t.__name__)
def test_messages_are_frozen_and_carry_no_personal_data(message_type: type[Message]) -> None:
    assert message_type.__struct_config__.frozen
    fields = {field.name for field in msgspec.structs.fields(message_type)}
    # `text` of a call, names and faces never travel; `Reason.text` is written by the program.
    assert not fields & {"text", "name", "caller", "phone", "face", "template", "embedding"}


def _made_in(folder: str) -> set[str]:
    names = {message.__name__ for message in MESSAGES}
    made = set()
    for path in (SOURCE / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                made.add(node.func.id)
    return made


@pytest.mark.parametrize(
    "folder", sorted(path.name for path in SOURCE.iterdir() if path.is_dir() and path.name not in {"__pycache__"})
)
def test_only_the_owner_makes_a_message(folder: str) -> None:
    owners = {message.__name__: spec.owner for message, spec in MESSAGES.items()}
    strays = {name for name in _made_in(folder) if owners[name] != folder}
    assert not strays, f"{folder} makes messages that other folders own: {strays}"
