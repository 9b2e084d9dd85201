"""Accounts of people who have left, for retention: from the moment the account was disabled."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bowstreet.accountability.accounts import Accounts
from bowstreet.runtime.records import Collection


class AccountsLeft:
    retention_class = "account"

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def since(self) -> Iterable[tuple[str, datetime]]:
        return [(one.account_id, one.disabled_at) for one in self._accounts.all() if one.disabled_at is not None]

    def records_of(self, subject_id: str) -> Sequence[tuple[Collection[Any], str]]:
        return [(self._accounts.people, subject_id), (self._accounts.passkeys, subject_id)]
