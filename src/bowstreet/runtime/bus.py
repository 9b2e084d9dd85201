"""The bus inside one process, in two forms: `InlineBus` for the simulation, `QueueBus` for live running."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import structlog

from bowstreet.errors import Refused
from bowstreet.messages import MESSAGES, Message
from bowstreet.runtime.ports import Handler, M

log = structlog.get_logger(__name__)

Handled = Callable[[], None]


def _require_declared(message_type: type[Message]) -> None:
    if message_type not in MESSAGES:
        raise LookupError(f"{message_type.__name__} is not declared in bowstreet.messages.MESSAGES")


def _require_unaudited(message: Message) -> None:
    spec = MESSAGES.get(type(message))
    if spec is None:
        _require_declared(type(message))
    elif spec.audited:
        raise Refused(
            f"{type(message).__name__} is evidence and may not be published without its ledger entry",
            remedy="publish it through Recorder.record",
        )


class _Bus:
    """What both forms share: who listens, and what went wrong. The counters are by message type."""

    def __init__(self) -> None:
        self.published: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    async def _handle(self, handler: Handler[Any], message: Message) -> None:
        try:
            await handler(message)
        except Exception:
            # The edge between roles: one that fails must not disturb another. What failed is in the log and the counter.
            name = type(message).__name__
            self.failed[name] += 1
            log.exception("a handler failed", message_type=name, handler=getattr(handler, "__qualname__", "?"))


class InlineBus(_Bus):
    """Handles each message before the outermost `publish` returns, in order of publishing. Deterministic, and without a loop."""

    def __init__(self) -> None:
        super().__init__()
        self._handlers: dict[type[Message], list[Handler[Any]]] = {kind: [] for kind in MESSAGES}
        self._waiting: deque[tuple[Message, Handled | None]] = deque()
        self._draining = False

    def subscribe(self, message_type: type[M], handler: Handler[M]) -> None:
        _require_declared(message_type)
        self._handlers[message_type].append(handler)

    async def publish(self, message: Message) -> None:
        _require_unaudited(message)
        await self._publish(message, None)

    async def publish_recorded(self, message: Message, handled: Handled | None = None) -> None:
        _require_declared(type(message))
        await self._publish(message, handled)

    async def _publish(self, message: Message, handled: Handled | None) -> None:
        self.published[type(message).__name__] += 1
        # A message that a handler publishes waits its turn: causes are handled before consequences, and no stack grows.
        self._waiting.append((message, handled))
        if not self._draining:
            await self.drain()

    async def drain(self) -> None:
        if self._draining:
            return
        self._draining = True
        try:
            while self._waiting:
                message, handled = self._waiting.popleft()
                for handler in self._handlers[type(message)]:
                    await self._handle(handler, message)
                if handled:
                    handled()
        finally:
            self._draining = False

    async def close(self) -> None:
        await self.drain()


# A subscriber this far behind on what is not evidence loses the oldest: three seconds of a city's telemetry (300 drones
# at 10 Hz). Evidence is never dropped; it comes at a few a second.
QUEUE_LIMIT = 10_000


class _Envelope:
    """A message on its way to several handlers, and whom to tell when the last is done."""

    __slots__ = ("handled", "left", "message")

    def __init__(self, message: Message, left: int, handled: Handled | None) -> None:
        self.message = message
        self.left = left
        self.handled = handled

    def settle(self) -> None:
        self.left -= 1
        if self.left == 0 and self.handled:
            self.handled()


class _Subscription:
    """One handler with its own queue and task, so that a slow one delays nobody else."""

    def __init__(self, bus: "QueueBus", handler: Handler[Any], *, may_drop: bool) -> None:
        self._bus = bus
        self._handler = handler
        self._may_drop = may_drop
        self._queue: deque[_Envelope] = deque()
        self._ready = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def put(self, envelope: _Envelope) -> None:
        if self._may_drop and len(self._queue) >= QUEUE_LIMIT:
            self._bus.dropped[type(envelope.message).__name__] += 1
            self._settle(self._queue.popleft())
        self._queue.append(envelope)
        self._ready.set()
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._run(), name=f"bus {type(envelope.message).__name__}")

    async def _run(self) -> None:
        while True:
            while self._queue:
                envelope = self._queue.popleft()
                try:
                    await self._bus._handle(self._handler, envelope.message)  # noqa: SLF001 - the bus's own part
                except asyncio.CancelledError:
                    task = asyncio.current_task()
                    if task is None or task.cancelling():
                        raise  # the bus stops: what was not handled stays in the outbox
                    # Something that the handler waited for was cancelled; that must not silence the subscription.
                    self._bus.failed[type(envelope.message).__name__] += 1
                self._settle(envelope)
            self._ready.clear()
            await self._ready.wait()

    def _settle(self, envelope: _Envelope) -> None:
        envelope.settle()
        self._bus._settled()  # noqa: SLF001 - the bus's own part


class QueueBus(_Bus):
    """A queue and a task for each subscription. `publish` never waits for a handler."""

    def __init__(self) -> None:
        super().__init__()
        self._subscriptions: dict[type[Message], list[_Subscription]] = {kind: [] for kind in MESSAGES}
        self._pending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    def subscribe(self, message_type: type[M], handler: Handler[M]) -> None:
        _require_declared(message_type)
        may_drop = not MESSAGES[message_type].audited
        self._subscriptions[message_type].append(_Subscription(self, handler, may_drop=may_drop))

    async def publish(self, message: Message) -> None:
        _require_unaudited(message)
        self._publish(message, None)

    async def publish_recorded(self, message: Message, handled: Handled | None = None) -> None:
        _require_declared(type(message))
        self._publish(message, handled)

    def _publish(self, message: Message, handled: Handled | None) -> None:
        self.published[type(message).__name__] += 1
        if self._closed:
            return  # evidence stays in the outbox, and is published again at the next start
        subscriptions = self._subscriptions[type(message)]
        if not subscriptions:
            if handled:
                handled()
            return
        envelope = _Envelope(message, len(subscriptions), handled)
        self._pending += len(subscriptions)
        self._idle.clear()
        for subscription in subscriptions:
            subscription.put(envelope)

    def _settled(self) -> None:
        self._pending -= 1
        if self._pending == 0:
            self._idle.set()

    def _tasks(self) -> list["asyncio.Task[None]"]:
        return [one.task for several in self._subscriptions.values() for one in several if one.task is not None]

    async def drain(self) -> None:
        if asyncio.current_task() in self._tasks():
            raise RuntimeError("a handler may not wait for the bus that waits for it")
        await self._idle.wait()

    async def close(self) -> None:
        """Stops at once: what is queued and not handled is not evidence, or is in the outbox. `drain` first to finish it."""
        self._closed = True
        tasks = self._tasks()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
