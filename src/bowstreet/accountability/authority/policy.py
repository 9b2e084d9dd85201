"""The policy, decided by Cedar: who may do what, by which rule, and what would make it allowed.

The rules themselves are data (`policy.cedar`, or an operator's own file of the same schema); this file only asks. An error of
evaluation is a refusal.
"""

import functools
import hashlib
import json
from importlib import resources
from typing import Any

import cedarpy
import msgspec

from bowstreet.accountability.model import Action, Role
from bowstreet.errors import MalformedConfiguration

OPERATION = "operation"
# Roles × actions × boroughs of a city: what is asked all day stays decided.
MOST_DECIDED = 20_000


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. No boroughs means everywhere. `proved_s`: seconds since they last proved who they are; None for a program."""

    account_id: str
    role: Role
    boroughs: tuple[str, ...] = ()
    proved_s: int | None = None


class What(msgspec.Struct, frozen=True, kw_only=True):
    """What is acted upon: the whole operation, or a thing in it. `authorised`: an authorisation in force covers the act.
    `own_account`: who asked for authority made the account that would give it, and the operator refuses that."""

    thing: str = OPERATION
    borough: str | None = None
    requested_by: str | None = None
    authorised: bool = False
    own_account: bool = False


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the policy, in plain words."""

    rule_id: str
    says: str
    remedy: str


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided: the rules that decided it, and for a refusal what would make it allowed."""

    allowed: bool
    rules: tuple[Rule, ...]

    @property
    def rule_ids(self) -> str:
        return ",".join(rule.rule_id for rule in self.rules)


SEE = "see docs/authority.md"
GRAVE = frozenset({Action.AUTHORISE, Action.MANAGE_ACCOUNTS, Action.MANAGE_VEHICLE_KEYS, Action.ERASE, Action.DISCLOSE})
# Somebody who never proved who they are here, such as a program.
NEVER_S = 2**31
EVERYWHERE = What()


class AccessPolicy:
    """A policy that fits the schema.

    Args:
        text: Cedar. `version` is its SHA-256, hex.
        name: of the file, for messages.

    Raises:
        MalformedConfiguration: it is no Cedar, does not fit the schema, or a rule has no `@id` or `@says`.
    """

    def __init__(self, text: str, name: str = "policy.cedar") -> None:
        self.name, self.text, self.version = name, text, hashlib.sha256(text.encode()).hexdigest()
        schema = schema_text()
        try:
            self._policies, self._schema = cedarpy.PolicySet.from_str(text), cedarpy.Schema.from_str(schema)
            found = cedarpy.validate_policies(text, schema)
        except ValueError as error:
            raise MalformedConfiguration(f"{name} is no Cedar policy: {error}", remedy=SEE) from error
        if not found:
            raise MalformedConfiguration(f"{name} does not fit the schema: {found.errors[0]}", remedy=SEE)
        self._rules = _rules(text, name)
        self._decided = functools.lru_cache(maxsize=MOST_DECIDED)(self._decision)
        self._may = {role: tuple(action for action in Action if self._at_best(role, action)) for role in Role}

    def decide(self, who: Who, action: Action, what: What = EVERYWHERE) -> Decision:
        """Whether somebody may do something now, and why."""
        if action not in GRAVE:
            # Neither counts here: the fewer questions differ, the more are decided already.
            who = Who(account_id="", role=who.role, boroughs=who.boroughs)
            what = What(borough=what.borough)
        return self._decided(who, action, what)

    def actions_of(self, role: Role) -> tuple[Action, ...]:
        """All that a role may do at best: having just proved who it is, with authority; in a fixed order."""
        return self._may[role]

    def roles_with(self, action: Action) -> tuple[Role, ...]:
        return tuple(role for role in Role if action in self._may[role])

    def _at_best(self, role: Role, action: Action) -> bool:
        return self._asked(Who(account_id="", role=role, proved_s=0), action, What(authorised=True)).allowed

    def _decision(self, who: Who, action: Action, what: What) -> Decision:
        result = self._asked(who, action, what)
        ids = sorted(result.diagnostics.id_annotations_by_reason.values())
        allowed = result.allowed and not result.diagnostics.errors
        if allowed or ids:
            return Decision(allowed=allowed, rules=tuple(self._rules[one] for one in ids))
        others = ", ".join(self.roles_with(action)) or "nobody"
        nothing = Rule(
            rule_id=f"role:{who.role}",
            says=f"a {who.role} may not do this ({action})",
            remedy=f"ask somebody whose work it is: {others}",
        )
        return Decision(allowed=False, rules=(nothing,))

    def _asked(self, who: Who, action: Action, what: What) -> cedarpy.AuthzResult:
        account = {"type": "Account", "id": who.account_id or "anyone"}
        thing = {"type": "Thing", "id": what.thing}
        context: dict[str, Any] = {}
        if action in GRAVE:
            proved_s = NEVER_S if who.proved_s is None else who.proved_s
            context = {"proved_s": proved_s, "authorised": what.authorised, "own_account": what.own_account}
        asked = {"principal": account, "action": {"type": "Action", "id": str(action)}, "resource": thing, "context": context}
        told = {"account_id": who.account_id, "boroughs": list(who.boroughs)}
        entities: list[dict[Any, Any]] = [
            {"uid": account, "attrs": told, "parents": [{"type": "Role", "id": str(who.role)}]},
            {"uid": thing, "attrs": _known(borough=what.borough, requested_by=what.requested_by), "parents": []},
        ]
        return cedarpy.is_authorized(asked, self._policies, entities, self._schema)


@functools.cache
def shipped() -> AccessPolicy:
    """The policy that comes with the product."""
    return AccessPolicy(_shipped("policy.cedar"))


def _rules(text: str, name: str) -> dict[str, Rule]:
    """The rules by their `@id`. Raises `MalformedConfiguration` when one has none, or does not say what it means."""
    found: dict[str, Rule] = {}
    for policy in json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values():
        notes = policy.get("annotations", {})
        rule_id, says = notes.get("id", ""), notes.get("says", "")
        remedy = notes.get("remedy", "")
        if not rule_id or not says or rule_id in found or (policy["effect"] == "forbid" and not remedy):
            raise MalformedConfiguration(
                f"{name}: the rule '{rule_id}' lacks an @id of its own, @says, or (a forbid) @remedy", remedy=SEE
            )
        found[rule_id] = Rule(rule_id=rule_id, says=says, remedy=remedy)
    return found


def schema_text() -> str:
    """What a policy may speak of."""
    return _shipped("policy.cedarschema")


def _shipped(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _known(**attributes: str | None) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value is not None}
