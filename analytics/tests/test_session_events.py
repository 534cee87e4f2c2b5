"""What a header or a line says of an event, whichever release wrote it."""

import json
import unittest

from fleet_analytics.log_record import Client, LogRecord
from fleet_analytics.schemas import RepositorySchemas
from fleet_analytics.session_events import Closed, Ended, Opened, SessionEvent, events_of_lines, events_of_records
from fleet_analytics.values import ValueReader

from . import recording

BIKE = Client("city", "bike-7")


class Tombstones(unittest.TestCase):
    def ended(self, header: str) -> list[SessionEvent]:
        values = ValueReader(RepositorySchemas(recording.SCHEMAS))
        return list(events_of_records([LogRecord(0, 17, 99, b"s\0city\0bike-7", None, header)], values))

    def test_with_the_last_owner(self) -> None:
        self.assertEqual(self.ended("SessionEnded:expired:a#3/17"), [Ended(BIKE, 99, "expired", "a#3/17")])

    def test_with_when_its_connection_began(self) -> None:
        self.assertEqual(self.ended("SessionEnded:expired:a#3/17@12"), [Ended(BIKE, 99, "expired", "a#3/17")])

    def test_without_one_as_old_records_are(self) -> None:
        self.assertEqual(self.ended("SessionEnded:expired"), [Ended(BIKE, 99, "expired", None)])


class Lines(unittest.TestCase):
    def read(self, event: str, detail: dict[str, str | int | bool]) -> list[SessionEvent]:
        line = {"event": event, "tenant": "city", "clientId": "bike-7", "timestampMs": 99, "detail": detail}
        return list(events_of_lines([json.dumps(line)]))

    def test_an_opening_and_one_that_only_says_it_again(self) -> None:
        self.assertEqual(self.read("SessionOpened", {"owner": "a#3/17"}), [Opened(BIKE, 99, "a#3/17")])
        self.assertEqual(self.read("SessionOpened", {"owner": "a#3/17", "restated": True}), [Opened(BIKE, 99, "a#3/17", True)])

    def test_an_end_with_and_without_the_last_owner(self) -> None:
        detail: dict[str, str | int | bool] = {"reason": "expired"}
        self.assertEqual(self.read("SessionEnded", detail), [Ended(BIKE, 99, "expired")])
        self.assertEqual(self.read("SessionEnded", detail | {"lastOwner": "a#3/17"}), [Ended(BIKE, 99, "expired", "a#3/17")])

    def test_a_close_with_and_without_its_owner(self) -> None:
        detail: dict[str, str | int | bool] = {"reason": "quota"}
        self.assertEqual(self.read("SessionClosed", detail), [Closed(BIKE, 99, "quota")])
        closed = self.read("SessionClosed", detail | {"closedOwner": "a#3/17", "openedAtMs": 10})
        self.assertEqual(closed, [Closed(BIKE, 99, "quota", "a#3/17", 10)])


if __name__ == "__main__":
    unittest.main()
