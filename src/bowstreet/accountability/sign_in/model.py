"""What the configuration says of an identity provider, and what it says of a person."""

from datetime import datetime
from typing import Any

import msgspec

from bowstreet.accountability.model import Role


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[sign_in.oidc]`. `roles` in the order that decides when somebody is in several groups."""

    name: str
    issuer: str
    client_id: str
    client_secret: str
    roles: tuple[tuple[str, Role], ...]
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: str = "groups"
    name_claim: str = "name"
    boroughs_claim: str = ""  # "" when the provider knows of none: everywhere
    allowed_domains: tuple[str, ...] = ()  # of the verified address; none means any


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """One way to the provider and back. `session_id` is whose, when it is to prove again who they are."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    asked_at: datetime
    session_id: str = ""


Claims = dict[str, Any]
"""What the provider says of a person, verified."""
