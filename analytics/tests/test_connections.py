"""How events become connections, case by case."""

import unittest

from fleet_analytics.answers import HOUR_MS, Questions, Window, answer
from fleet_analytics.connections import Connection, ConnectionFold
from fleet_analytics.log_record import Client
from fleet_analytics.session_events import Closed, Ended, Opened, SessionEvent

BIKE = Client("city", "bike-7")
OTHER = Client("city", "bike-8")


def fold(*events: SessionEvent) -> tuple[list[Connection], list[tuple[int, str]]]:
    folded = ConnectionFold()
    ended = list(folded.ended_by(events))
    return [*ended, *folded.open_connections()], [(each.since_ms, each.reason) for each in folded.offline()]


class Connections(unittest.TestCase):
    def test_opened_and_closed(self) -> None:
        events = Opened(BIKE, 10, "a#1/1"), Closed(BIKE, 15, "connectionLost", "a#1/1", 10)
        self.assertEqual(fold(*events), ([Connection(BIKE, 10, 15)], [(15, "connectionLost")]))

    def test_still_open(self) -> None:
        self.assertEqual(fold(Opened(BIKE, 10, "a#1/1")), ([Connection(BIKE, 10, None)], []))

    def test_a_take_over_ends_the_earlier_connection(self) -> None:
        events = Opened(BIKE, 10, "a#1/1"), Opened(BIKE, 14, "b#1/1"), Closed(BIKE, 20, "clientDisconnect", "b#1/1", 14)
        connections, _ = fold(*events)
        self.assertEqual(connections, [Connection(BIKE, 10, 14), Connection(BIKE, 14, 20)])

    def test_a_late_close_of_the_earlier_owner_counts_for_nothing(self) -> None:
        events = Opened(BIKE, 10, "a#1/1"), Opened(BIKE, 14, "b#1/1"), Closed(BIKE, 15, "takenOver", "a#1/1", 10)
        self.assertEqual(fold(*events), ([Connection(BIKE, 10, 14), Connection(BIKE, 14, None)], []))

    def test_what_an_owner_states_again_is_no_connection_and_takes_nothing_back(self) -> None:
        again = Opened(BIKE, 10, "a#1/1", restated=True)
        events = Opened(BIKE, 10, "a#1/1"), again, Opened(BIKE, 14, "b#1/1"), again
        self.assertEqual(fold(*events), ([Connection(BIKE, 10, 14), Connection(BIKE, 14, None)], []))
        self.assertEqual(fold(again), ([Connection(BIKE, 10, None)], []))

    def test_a_close_written_again_when_the_will_is_out(self) -> None:
        closed = Closed(BIKE, 15, "connectionLost", "a#1/1", 10)
        connections, offline = fold(Opened(BIKE, 10, "a#1/1"), closed, closed)
        self.assertEqual((connections, offline), ([Connection(BIKE, 10, 15)], [(15, "connectionLost")]))

    def test_the_same_from_lines_which_name_no_owner(self) -> None:
        again = Closed(BIKE, 45, "connectionLost")
        connections, offline = fold(Opened(BIKE, 10, "a#1/1"), Closed(BIKE, 15, "connectionLost"), again)
        self.assertEqual((connections, offline), ([Connection(BIKE, 10, 15)], [(15, "connectionLost")]))

    def test_an_opening_that_compaction_took(self) -> None:
        connections, _ = fold(Closed(BIKE, 15, "connectionLost", "a#1/1", 10))
        self.assertEqual(connections, [Connection(BIKE, 10, 15)])

    def test_a_transient_session_ends_with_its_connection_and_is_missed_by_nobody(self) -> None:
        self.assertEqual(fold(Opened(BIKE, 10, "a#1/1"), Ended(BIKE, 15, "transient")), ([Connection(BIKE, 10, 15)], []))

    def test_a_session_that_expired_is_offline_since_its_connection_ended(self) -> None:
        events = Opened(BIKE, 10, "a#1/1"), Closed(BIKE, 15, "keepAliveTimeout", "a#1/1", 10), Ended(BIKE, 99, "expired")
        self.assertEqual(fold(*events)[1], [(15, "keepAliveTimeout")])

    def test_an_end_that_comes_after_the_client_was_back_counts_for_nothing(self) -> None:
        closed = Closed(BIKE, 15, "connectionLost", "a#1/1", 10)
        events = closed, Opened(BIKE, 98, "b#1/1"), Ended(BIKE, 99, "expired", "a#1/1")
        self.assertEqual(fold(*events), ([Connection(BIKE, 10, 15), Connection(BIKE, 98, None)], []))
        left = Closed(BIKE, 98, "clientDisconnect", "b#1/1", 97)
        events = closed, Opened(BIKE, 97, "b#1/1"), left, Ended(BIKE, 99, "administrative", "a#1/1")
        self.assertEqual(fold(*events)[1], [(98, "clientDisconnect")])

    def test_one_that_was_removed_is_not(self) -> None:
        events = Closed(BIKE, 15, "keepAliveTimeout", "a#1/1", 10), Ended(BIKE, 99, "administrative")
        self.assertEqual(fold(*events)[1], [])

    def test_one_that_came_back_is_not(self) -> None:
        events = Closed(BIKE, 15, "connectionLost", "a#1/1", 10), Opened(BIKE, 20, "a#1/2")
        self.assertEqual(fold(*events)[1], [])


class Answered(unittest.TestCase):
    def ask(self, *events: SessionEvent, hours: tuple[int, int] = (0, 72)):
        window = Window(hours[0] * HOUR_MS, hours[1] * HOUR_MS)
        return answer(iter(events), Questions(window, complete_from_ms=0))

    def test_a_connection_over_several_days_is_active_in_each(self) -> None:
        answers = self.ask(
            Opened(BIKE, 1 * HOUR_MS, "a#1/1"),
            Opened(OTHER, 1 * HOUR_MS, "a#1/2"),
            Closed(OTHER, 2 * HOUR_MS, "clientDisconnect", "a#1/2", HOUR_MS),
            Closed(BIKE, 50 * HOUR_MS, "clientDisconnect", "a#1/1", HOUR_MS),
        )
        self.assertEqual([(each.active, each.lost, each.rate) for each in answers.churn], [(2, 0, None), (1, 1, 0.5), (1, 0, 0)])

    def test_a_part_of_a_period_is_no_period(self) -> None:
        answers = self.ask(Opened(BIKE, HOUR_MS, "a#1/1"), hours=(1, 71))
        self.assertEqual([each.period_ms for each in answers.churn], [24 * HOUR_MS])

    def test_what_lies_before_the_window_tells_who_is_connected_and_is_not_counted(self) -> None:
        opened, closed = Opened(BIKE, HOUR_MS, "a#1/1"), Closed(BIKE, 30 * HOUR_MS, "connectionLost", "a#1/1", HOUR_MS)
        answers = self.ask(opened, closed, hours=(24, 72))
        self.assertEqual(sum(answers.connections_per_hour.values()), 0)
        self.assertEqual((answers.ended_connections, answers.mean_session_s), (1, 29 * 3_600))

    def test_what_lies_behind_it_has_not_happened(self) -> None:
        opened, closed = Opened(BIKE, HOUR_MS, "a#1/1"), Closed(BIKE, 30 * HOUR_MS, "connectionLost", "a#1/1", HOUR_MS)
        answers = self.ask(opened, closed, hours=(0, 24))
        self.assertEqual((answers.open_connections, answers.ended_connections, answers.mean_session_s), (1, 0, None))

    def test_offline_means_longer_than_a_day(self) -> None:
        def offline(at_hours: float) -> int:
            return len(self.ask(Closed(BIKE, round(at_hours * HOUR_MS), "connectionLost", "a#1/1", 0)).offline)

        self.assertEqual((offline(47.9), offline(48)), (1, 0))


if __name__ == "__main__":
    unittest.main()
