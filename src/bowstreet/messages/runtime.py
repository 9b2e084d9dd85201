"""What the runtime tells of the program itself."""

from bowstreet.messages.base import Message


class RunChanged(Message, frozen=True, kw_only=True):
    """The program started, stopped or recovered; gaps in the record show against these."""

    change: str
    detail: str = ""
