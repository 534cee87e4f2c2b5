"""The recorded days, from frames and from lines, give the answers that were written down when they were made up."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

from fleet_analytics.__main__ import moment
from fleet_analytics.answers import Questions, Window, answer
from fleet_analytics.report import as_json, as_text
from fleet_analytics.schemas import RepositorySchemas
from fleet_analytics.session_events import events_of_lines, events_of_records
from fleet_analytics.values import ValueReader

from . import recording


class RecordedDays(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        self.expected = recording.answers()
        window = Window(moment(self.expected["from"]), moment(self.expected["to"]))
        self.questions = Questions(window, complete_from_ms=window.from_ms)

    def check(self, events) -> None:
        answered = json.loads(as_json(answer(events, self.questions), self.questions))
        self.assertEqual(answered.pop("completeFrom"), self.expected["from"])
        self.assertEqual(answered, self.expected)

    def test_frames(self) -> None:
        values = ValueReader(RepositorySchemas(recording.SCHEMAS))
        self.check(events_of_records(recording.records(), values))

    def test_frames_read_twice_tell_nothing_new(self) -> None:
        values = ValueReader(RepositorySchemas(recording.SCHEMAS))
        twice = (record for each in recording.records() for record in (each, each))
        self.check(events_of_records(twice, values))

    def test_lines(self) -> None:
        with recording.LINES.open(encoding="utf-8") as lines:
            self.check(events_of_lines(lines))

    def test_the_command_prints_the_same(self) -> None:
        window = ["--since", self.expected["from"], "--at", self.expected["to"]]
        command = [sys.executable, "-m", "fleet_analytics", "--lines", "-", "--json", *window]
        with recording.LINES.open("rb") as lines:
            ran = subprocess.run(command, stdin=lines, capture_output=True, cwd=Path(__file__).parents[1], check=True)
        answered = json.loads(ran.stdout)
        del answered["completeFrom"]
        self.assertEqual(answered, self.expected)

    def test_text_names_what_was_found(self) -> None:
        with recording.LINES.open(encoding="utf-8") as lines:
            text = as_text(answer(events_of_lines(lines), self.questions), self.questions)
        for each in self.expected["offline"]:
            self.assertIn(f"{each['tenant']}/{each['clientId']}  since {each['since']}", text)
        self.assertIn(f"of {self.expected['sessionLength']['connections']} connections that ended", text)
        self.assertNotIn("Compaction may have taken", text)

    def test_clients_can_be_chosen(self) -> None:
        questions = Questions(self.questions.window, 0, concerns=lambda client: client.client_id == "gateway")
        with recording.LINES.open(encoding="utf-8") as lines:
            answers = answer(events_of_lines(lines), questions)
        self.assertEqual((answers.clients, answers.open_connections, answers.offline), (1, 1, []))


class Failures(unittest.TestCase):
    def fails(self, *arguments: str, lines: str = "") -> str:
        command = [sys.executable, "-m", "fleet_analytics", *arguments]
        ran = subprocess.run(command, input=lines, capture_output=True, text=True, cwd=Path(__file__).parents[1])
        self.assertNotEqual(ran.returncode, 0)
        self.assertNotIn("Traceback", ran.stderr)
        return ran.stderr

    def test_a_line_of_something_else(self) -> None:
        self.assertIn("line 2 is not what `spoke events tail --json` prints", self.fails("--lines", "-", lines="\n{}\n"))

    def test_no_such_file(self) -> None:
        self.assertIn("nowhere.jsonl", self.fails("--lines", "nowhere.jsonl"))

    def test_an_empty_window(self) -> None:
        said = self.fails("--lines", "-", "--since", "2024-06-05", "--at", "2024-06-04T12:00")
        self.assertIn("Nothing lies between 2024-06-05T00:00:00Z and 2024-06-04T12:00:00Z", said)

    def test_a_setting_without_a_value(self) -> None:
        self.assertIn("NAME=VALUE", self.fails("--kafka", "localhost:1", "--kafka-setting", "ssl"))


if __name__ == "__main__":
    unittest.main()
