"""Lists, for retention: from when their deployment ended, or another list took their place (R9)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bowstreet.recognition.book import Book
from bowstreet.runtime.records import Collection


class ListsHeld:
    retention_class = "watchlist"

    def __init__(self, book: Book) -> None:
        self._book = book

    async def since(self) -> Iterable[tuple[str, datetime]]:
        return [(one.watchlist_id, one.ended_at) for one in self._book.lists.all() if one.ended_at is not None]

    def records_of(self, subject_id: str) -> Sequence[tuple[Collection[Any], str]]:
        return [(self._book.lists, subject_id)]
