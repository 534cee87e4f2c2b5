"""One record of the event log as it comes from Kafka, and what its key says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .failure import Failure

SEPARATOR = "\0"

RECORD_OF_KIND = {
    "s": "spokemq.SessionState",
    "u": "spokemq.Subscription",
    "r": "spokemq.RetainedMessage",
    "t": "spokemq.Tenant",
    "a": "spokemq.AuditEvent",
}


class UnreadableRecord(Failure):
    """A record that does not follow the contract; the message says where it is and what to do."""


class Client(NamedTuple):
    tenant: str
    client_id: str


@dataclass(frozen=True)
class LogRecord:
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    # None: a tombstone, the key has no state any more.
    value: bytes | None
    # Header `event`: why the record was written.
    event: str

    @property
    def place(self) -> str:
        return f"partition {self.partition}, offset {self.offset}"

    @property
    def record_name(self) -> str:
        """Full name of the Avro record that the value is."""
        name = RECORD_OF_KIND.get(self._parts()[0])
        if name is None:
            raise UnreadableRecord(f"{self.place}: the key {self.key!r} is not one of SpokeMQ's. Is this its topic?")
        return name

    @property
    def client(self) -> Client:
        """Of a session or subscription."""
        parts = self._parts()
        if len(parts) < 3:
            raise UnreadableRecord(f"{self.place}: the key {self.key!r} names no client. Is this its topic?")
        return Client(parts[1], parts[2])

    def _parts(self) -> list[str]:
        return self.key.decode("utf-8", "replace").split(SEPARATOR)
