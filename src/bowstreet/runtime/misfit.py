"""What is wrong with a file that a person wrote, said as they would: which key, and what to do."""

import difflib
import re
from typing import Any

import msgspec

from bowstreet.errors import MalformedConfiguration

_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<key>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `(?P<field>[^`]*)`")
# A file may hold anything at all; a message stays one that can be read.
MOST_KEY, MOST_SAID = 100, 300


def wrong(name: object, what: str, remedy: str) -> MalformedConfiguration:
    """`name` is the file's."""
    return MalformedConfiguration(f"{name} {what}", remedy=remedy)


def misfit(name: object, said: str, root: type[msgspec.Struct], remedy: str) -> MalformedConfiguration:
    """What `msgspec.convert` to `root` said, with what was meant where a key is misspelt; `remedy` is for a value."""
    found = _AT.match(said)
    what, key = (found["what"], found["key"] or "") if found else (said, "")
    if unknown := _UNKNOWN.search(what):
        field, allowed = unknown["field"], _fields_at(root, key)
        close = difflib.get_close_matches(field, allowed, n=1)
        meant = f"did you mean '{close[0]}'?" if close else f"the keys there are {', '.join(allowed)}"
        return wrong(name, f"has the unknown key '{(f'{key}.{field}' if key else field)[:MOST_KEY]}'", meant)
    plain = what[:1].lower() + what[1:MOST_SAID].replace("object", "table")
    return wrong(name, f"has an unusable value at '{key[:MOST_KEY] or 'the top'}': {plain}", remedy)


def _fields_at(root: type[msgspec.Struct], key: str) -> list[str]:
    """The names allowed in the table at `key`, such as `fleet.docks[...]`."""
    type_: Any = root
    for part in filter(None, re.split(r"\.|\[[^\]]*\]", key)):
        inner = next(one for one in msgspec.structs.fields(type_) if one.name == part).type
        while not (isinstance(inner, type) and issubclass(inner, msgspec.Struct)):
            inner = next(one for one in inner.__args__ if one is not Ellipsis)
        type_ = inner
    return [field.name for field in msgspec.structs.fields(type_)]
