"""The one error tree. Each error names what is wrong and says what to do about it.

The command line turns `BadInput` into exit status 2 and every other `BowstreetError` into 1; the HTTP edge turns
`problem` into an RFC 9457 type. Services raise these and never speak in exit or status codes.
"""

from typing import ClassVar


class BowstreetError(Exception):
    """Base of everything this program raises on purpose.

    Args:
        message: what is wrong, in one sentence without a trailing full stop.
        remedy: what the reader can do about it, in one sentence.
    """

    problem: ClassVar[str] = "failure"

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class BadInput(BowstreetError):
    """Something given from outside cannot be used as it is."""

    problem = "bad-input"


class MalformedReport(BadInput):
    """A call report that cannot become an incident."""

    problem = "malformed-report"


class MalformedZone(BadInput):
    """An airspace file, or a zone in it, that cannot be trusted for clearance."""

    problem = "malformed-zone"


class MalformedConfiguration(BadInput):
    """A configuration file, flag or environment variable with an unusable value."""

    problem = "malformed-configuration"


class MalformedPacket(BadInput):
    """Bytes from a link that are not the protocol they claim to be."""

    problem = "malformed-packet"


class MalformedProof(BadInput):
    """A note, checkpoint, tile, bundle or proof that is not in its form."""

    problem = "malformed-proof"


class NotFound(BadInput):
    """A named thing that does not exist."""

    problem = "not-found"


class Refused(BowstreetError):
    """A rule forbids the act. The message names the rule, the remedy what would make it allowed."""

    problem = "refused"


class OtherModel(Refused):
    """The models that were found are not those that are in use, or that something was authorised with."""

    problem = "other-model"


class TerminalClosed(Refused):
    """Nobody sits at the terminal, or it was closed: nothing more can be asked there."""


class NotSignedIn(Refused):
    """No valid session or token came with the request."""

    problem = "not-signed-in"


class NotPermitted(Refused):
    """The policy does not allow this person this act. `rule` is the id of the rule that says so, several with commas."""

    problem = "not-permitted"

    def __init__(self, message: str, *, remedy: str = "", rule: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.rule = rule


class ProofNeeded(NotPermitted):
    """It would be allowed to this person, had they just proved who they are."""

    problem = "proof-needed"


class TooManyAttempts(Refused):
    """A rate limit was reached."""

    problem = "too-many-attempts"


class Conflict(BowstreetError):
    """The thing changed since it was read, or the act no longer fits its state."""

    problem = "conflict"


class StoreUnavailable(BowstreetError):
    """The record cannot be written or read. Launches fail closed on it; flights fail safe."""

    problem = "store-unavailable"


class LedgerBroken(BowstreetError):
    """The ledger does not verify. Nothing is appended to a broken ledger."""

    problem = "ledger-broken"


class KeyUnavailable(BowstreetError):
    """A key cannot be read, or its holder does not answer. What needs it is refused; nothing is done without it."""

    problem = "key-unavailable"


class ProviderUnavailable(BowstreetError):
    """The identity provider does not answer, or says what cannot be trusted. Other ways to sign in still work."""

    problem = "provider-unavailable"


class LinkFailure(BowstreetError):
    """A vehicle or dock did not answer, or refused a command."""

    problem = "link-failure"


class MeasureUnavailable(BowstreetError):
    """A measure that the operator plugged in is missing, fails, or is not understood. What needs it is not made."""

    problem = "measure-unavailable"


class PartnerUnavailable(BowstreetError):
    """A partner's server does not answer, refuses, or is not who it should be. Nothing is shared with it meanwhile."""

    problem = "partner-unavailable"
