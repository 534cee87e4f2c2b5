"""What happened to sessions, the same from wherever it is read: a client connected, its connection ended, its session ended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .log_record import Client, LogRecord, UnreadableRecord
from .values import ValueReader

SESSION_KEY = b"s\0"
SESSION_ENDED = "SessionEnded"
SESSION_RESTATED = "SessionRestated"


@dataclass(frozen=True)
class Opened:
    client: Client
    at_ms: int
    # Which connection of which run of a broker; differs for every connection.
    owner: str
    # Says again what was so: no connection began.
    restated: bool = False


@dataclass(frozen=True)
class Closed:
    client: Client
    at_ms: int
    reason: str
    # None: the source does not tell.
    owner: str | None = None
    opened_at_ms: int | None = None


@dataclass(frozen=True)
class Ended:
    client: Client
    at_ms: int
    # `expired`, `transient`, `administrative`, `discarded`.
    reason: str
    # Whose session it was last. None: the source does not tell.
    owner: str | None = None


SessionEvent = Opened | Closed | Ended


def events_of_records(records: Iterable[LogRecord], values: ValueReader) -> Iterator[SessionEvent]:
    """Records of subscriptions are passed over without being decoded."""
    for record in records:
        if not record.key.startswith(SESSION_KEY):
            continue
        if record.value is None:
            yield _end_of_header(record)
        else:
            yield _event_of_state(record.client, values.read(record), record.event == SESSION_RESTATED)


def _end_of_header(record: LogRecord) -> Ended:
    """`SessionEnded:reason`, or since brokers share a log `SessionEnded:reason:owner@began`."""
    reason, _, owner_and_time = record.event.removeprefix(f"{SESSION_ENDED}:").partition(":")
    owner = owner_and_time.rpartition("@")[0] or owner_and_time
    return Ended(record.client, record.timestamp_ms, reason, owner or None)


def _event_of_state(client: Client, state: dict[str, Any], restated: bool) -> SessionEvent:
    if state["owner"] is not None:
        return Opened(client, _milliseconds(state["openedAtMs"]), _owner(state["owner"]), restated)
    return Closed(
        client,
        _milliseconds(state["closedAtMs"]),
        state["closeReason"],
        _owner(state["closedOwner"]),
        _milliseconds(state["openedAtMs"]),
    )


def _owner(owner: dict[str, Any]) -> str:
    return f"{owner['incarnation']}/{owner['connection']}"


def _milliseconds(time: datetime) -> int:
    # fastavro makes a datetime of a timestamp; its float seconds would round.
    return round(time.timestamp() * 1_000)


def events_of_lines(lines: Iterable[str]) -> Iterator[SessionEvent]:
    """From what `spoke events tail --json` prints."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
            client = Client(event["tenant"], event["clientId"])
            at_ms, detail = int(event["timestampMs"]), event["detail"]
            if event["event"] == "SessionOpened":
                yield Opened(client, at_ms, detail["owner"], detail.get("restated", False))
            elif event["event"] == "SessionClosed":
                yield Closed(client, at_ms, detail["reason"], detail.get("closedOwner"), detail.get("openedAtMs"))
            elif event["event"] == SESSION_ENDED:
                yield Ended(client, at_ms, detail["reason"], detail.get("lastOwner"))
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableRecord(
                f"line {number} is not what `spoke events tail --json` prints ({error!r}): {line.strip()[:80]}"
            ) from error
