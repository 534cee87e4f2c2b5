"""Folds session events, in log order per client, into connections: when each began and ended, and who is offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .log_record import Client
from .session_events import Closed, Ended, Opened, SessionEvent


@dataclass(frozen=True)
class Connection:
    client: Client
    opened_at_ms: int
    # None: still open.
    closed_at_ms: int | None


@dataclass(frozen=True)
class Offline:
    """A client whose session waits for it, or waited until it expired."""

    client: Client
    since_ms: int
    reason: str


@dataclass
class ClientState:
    connected: Opened | None = None
    # Whose end was seen last: a record of it may be written again.
    last_owner: str | None = None
    offline: Offline | None = None


@dataclass
class ConnectionFold:
    """Connections are handed out when they end; `open_connections` has the rest."""

    clients: dict[Client, ClientState] = field(default_factory=dict)

    def ended_by(self, events: Iterable[SessionEvent]) -> Iterator[Connection]:
        for event in events:
            state = self.clients.setdefault(event.client, ClientState())
            connection = self._apply(state, event)
            if connection is not None:
                yield connection

    def open_connections(self) -> Iterator[Connection]:
        for client, state in self.clients.items():
            if state.connected is not None:
                yield Connection(client, state.connected.at_ms, None)

    def offline(self) -> Iterator[Offline]:
        for state in self.clients.values():
            if state.offline is not None:
                yield state.offline

    def _apply(self, state: ClientState, event: SessionEvent) -> Connection | None:
        match event:
            case Opened():
                return self._opened(state, event)
            case Closed():
                return self._closed(state, event)
            case Ended():
                return self._ended(state, event)

    def _opened(self, state: ClientState, event: Opened) -> Connection | None:
        before = state.connected
        if before is not None and before.owner == event.owner:
            return None
        if event.restated and (before is not None or state.last_owner is not None):
            # It takes the session from nobody.
            return None
        state.connected = event
        state.offline = None
        # Without a close in between: the client took its session over from a connection it had lost.
        return None if before is None else Connection(event.client, before.at_ms, event.at_ms)

    def _closed(self, state: ClientState, event: Closed) -> Connection | None:
        before = state.connected
        if before is None and event.owner is not None and event.owner == state.last_owner:
            return None
        if before is not None and event.owner is not None and event.owner != before.owner:
            # An earlier owner that did not know yet that it had been taken over.
            return None
        state.connected = None
        state.last_owner = event.owner
        if before is None and state.offline is not None:
            return None
        state.offline = Offline(event.client, event.at_ms, event.reason)
        opened_at_ms = event.opened_at_ms if before is None else before.at_ms
        # Compaction may have taken the record of the opening, but not what it said.
        return None if opened_at_ms is None else Connection(event.client, opened_at_ms, event.at_ms)

    def _ended(self, state: ClientState, event: Ended) -> Connection | None:
        before = state.connected
        owner = state.last_owner if before is None else before.owner
        if event.owner is not None and owner is not None and event.owner != owner:
            # Decided by a broker that did not know yet that the client was back.
            return None
        state.connected = None
        if event.reason != "expired":
            # Nobody waits for it: a transient session, or one that an operator removed.
            state.offline = None
        return None if before is None else Connection(event.client, before.at_ms, event.at_ms)
