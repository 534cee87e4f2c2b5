"""
Four questions about a fleet and how each is answered. All times are milliseconds since 1970; hours and periods are UTC.
Nothing is kept per connection, so a log of any length will do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from .connections import Connection, ConnectionFold, Offline
from .log_record import Client
from .session_events import Opened, SessionEvent

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Window:
    """What happened from `from_ms` up to, not including, `to_ms`."""

    from_ms: int
    to_ms: int

    def contains(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms < self.to_ms


@dataclass(frozen=True)
class Questions:
    window: Window
    # Before it, compaction may have taken events: what is counted there is at least so many.
    complete_from_ms: int
    # Length of a period for churn.
    period_hours: int = 24
    # How long a client must have been away to be called offline.
    offline_hours: float = 24
    # Which clients are asked about.
    concerns: Callable[[Client], bool] = lambda client: True


@dataclass(frozen=True)
class Churn:
    period_ms: int
    active: int
    # Of those active in the period before, how many were not in this one.
    lost: int
    # Lost, as a part of those active in the period before; None: nobody was, or there is no period before.
    rate: float | None


@dataclass
class Answers:
    window: Window
    clients: int = 0
    # Start of the hour → connections that began in it; hours without any are there too.
    connections_per_hour: dict[int, int] = field(default_factory=dict)
    # Connections that ended in the window, and how long they had lasted on average.
    ended_connections: int = 0
    mean_session_s: float | None = None
    open_connections: int = 0
    churn: list[Churn] = field(default_factory=list)
    # Longest away first.
    offline: list[Offline] = field(default_factory=list)


def answer(events: Iterable[SessionEvent], questions: Questions) -> Answers:
    """`events` in log order per client, from the start of the log: what happened before the window tells who was connected."""
    window = questions.window
    fold = ConnectionFold()
    opened: Counter[int] = Counter()
    active: dict[int, set[Client]] = {}
    answers = Answers(window)
    total_ms = 0
    period_ms = questions.period_hours * HOUR_MS

    def concerned() -> Iterator[SessionEvent]:
        for event in events:
            if event.at_ms < window.to_ms and questions.concerns(event.client):
                yield event

    def counted(source: Iterable[SessionEvent]) -> Iterator[SessionEvent]:
        for event in source:
            # One that is read twice has the owner that is connected.
            state = fold.clients.get(event.client)
            again = state is not None and state.connected == event
            if isinstance(event, Opened) and window.contains(event.at_ms) and not again:
                opened[event.at_ms // HOUR_MS * HOUR_MS] += 1
            yield event

    for connection in fold.ended_by(counted(concerned())):
        note_active(active, connection, window, period_ms)
        if connection.closed_at_ms is not None and window.contains(connection.closed_at_ms):
            answers.ended_connections += 1
            total_ms += connection.closed_at_ms - connection.opened_at_ms
    for connection in fold.open_connections():
        note_active(active, connection, window, period_ms)
        answers.open_connections += 1

    answers.clients = len(fold.clients)
    hours = range(window.from_ms // HOUR_MS * HOUR_MS, window.to_ms, HOUR_MS)
    answers.connections_per_hour = {hour: opened[hour] for hour in hours}
    if answers.ended_connections > 0:
        answers.mean_session_s = total_ms / answers.ended_connections / 1_000
    answers.churn = list(churn(active, window, period_ms))
    offline_before_ms = window.to_ms - questions.offline_hours * HOUR_MS
    away = [each for each in fold.offline() if each.since_ms < offline_before_ms]
    answers.offline = sorted(away, key=lambda each: (each.since_ms, each.client))
    return answers


def note_active(active: dict[int, set[Client]], connection: Connection, window: Window, period_ms: int) -> None:
    """A client is active in every period in which it was connected at any time."""
    closed_at_ms = window.to_ms if connection.closed_at_ms is None else connection.closed_at_ms
    first = max(connection.opened_at_ms, window.from_ms) // period_ms
    last = min(closed_at_ms, window.to_ms - 1) // period_ms
    for period in range(first, last + 1):
        active.setdefault(period * period_ms, set()).add(connection.client)


def churn(active: dict[int, set[Client]], window: Window, period_ms: int) -> Iterator[Churn]:
    """Whole periods only: of a part of one nobody could say who was lost."""
    before: set[Client] | None = None
    first_ms = -(-window.from_ms // period_ms) * period_ms
    for start_ms in range(first_ms, window.to_ms - period_ms + 1, period_ms):
        now = active.get(start_ms, set())
        lost = 0 if before is None else len(before - now)
        yield Churn(start_ms, len(now), lost, lost / len(before) if before else None)
        before = now
