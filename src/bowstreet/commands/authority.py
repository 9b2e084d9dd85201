"""`bowstreet authority`: check signed documents anywhere, check a policy before it is put in force."""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bowstreet.accountability import note as notes
from bowstreet.accountability import signed_document
from bowstreet.accountability.authority import document
from bowstreet.accountability.authority.policy import AccessPolicy, shipped
from bowstreet.accountability.model import Role
from bowstreet.accountability.note import VerifierKey
from bowstreet.accountability.occurrence import document as occurrences
from bowstreet.commands.output import write_json
from bowstreet.errors import MalformedConfiguration, MalformedProof, NotFound


def verify(arguments: argparse.Namespace) -> int:
    """Exit status 1 when the document was changed, or is not signed by that key."""
    data = _bytes(arguments.file)
    try:
        facts, said, digest, signed_by = _read_by_any(data, notes.read_keys(arguments.key))
    except MalformedProof as error:
        write_json(arguments.json, {"ok": False, "why": error.message})
        sys.stdout.write(f"NOT VERIFIED: {error}\n")
        return 1
    write_json(arguments.json, {"ok": True, "signed_by": signed_by, **said})
    if arguments.json != "-":
        width = max(len(name) for name, _ in facts)
        lines = [f"{name:<{width}}  {value}" for name, value in facts]
        sys.stdout.write(
            "\n".join([*lines, "", f"VERIFIED: signed by {signed_by}.", f"The ledger's digest of it is {digest}.", ""])
        )
    return 0


def _read_by_any(data: bytes, keys: Sequence[VerifierKey]) -> tuple[list[tuple[str, str]], dict[str, Any], str, str]:
    """By any of the log's keys: a document signed before a change of key stays signed by the one before."""
    for key in keys[:-1]:
        with contextlib.suppress(MalformedProof):
            return _read(data, key)
    return _read(data, keys[-1])


def _read(data: bytes, key: VerifierKey) -> tuple[list[tuple[str, str]], dict[str, Any], str, str]:
    """Facts, all of it, the ledger's digest, and who signed; of an authorisation or of an occurrence's report."""
    if signed_document.head_of(data) == occurrences.HEAD:
        one = occurrences.read(data, key)
        return occurrences.says(one), msgspec.to_builtins(one), occurrences.digest(one), key.name
    found = document.read(data, key)
    given = found.authorisation
    return document.says(given), msgspec.to_builtins(given), document.digest(given), found.signed_by


def policy(arguments: argparse.Namespace) -> int:
    """Who may do what by a policy file, or by the one that comes with the product."""
    try:
        found = shipped() if arguments.file is None else AccessPolicy(_bytes(arguments.file).decode(), arguments.file.name)
    except UnicodeDecodeError as error:
        raise MalformedConfiguration(f"{arguments.file} is not UTF-8", remedy="save it as UTF-8") from error
    table = {role.value: [action.value for action in found.actions_of(role)] for role in Role}
    write_json(arguments.json, {"version": found.version, "name": found.name, "may": table})
    if arguments.json != "-":
        for role, actions in table.items():
            sys.stdout.write(f"{role}: {', '.join(actions) or 'nothing'}\n")
        sys.stdout.write(f"{found.name} fits the schema; version {found.version}\n")
    return 0


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read ({error.strerror})", remedy="name a file that exists") from error
