"""Values of every released version can be read, with schemas from the repository and from a registry; others are refused."""

import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fleet_analytics.log_record import LogRecord, UnreadableRecord
from fleet_analytics.schemas import RegistrySchemas, RepositorySchemas, SchemaSourceError
from fleet_analytics.values import ValueReader

from . import recording

KEYS = {
    "session-state": b"s\0city\0bike-7",
    "subscription": b"u\0city\0bike-7\0bike/7/#",
    "retained-message": b"r\0city\0a",
    "tenant": b"t\0acme",
    "audit-event": b"a\0city\0refusedLogin",
}


def record(key: bytes, value: bytes | None) -> LogRecord:
    return LogRecord(0, 17, 1, key, value, "Any")


def golden(path: Path) -> LogRecord:
    return record(KEYS[path.name.split(".")[0]], path.read_bytes())


def reframed(source: LogRecord, schema_id: int) -> LogRecord:
    return record(source.key, b"\0" + schema_id.to_bytes(4, "big") + (source.value or b"")[5:])


class FromTheRepository(unittest.TestCase):
    def setUp(self) -> None:
        self.values = ValueReader(RepositorySchemas(recording.SCHEMAS))
        self.session = golden(recording.GOLDEN / "session-state.v1.bin")

    def refused(self, value: bytes, message: str) -> None:
        with self.assertRaisesRegex(UnreadableRecord, message):
            self.values.read(record(self.session.key, value))

    def test_golden_values_of_every_version(self) -> None:
        paths = sorted(recording.GOLDEN.glob("*.bin"))
        self.assertEqual(len(paths), len(json.loads((recording.SCHEMAS / "ids.json").read_text("utf-8"))))
        for path in paths:
            self.assertIn("tenant", self.values.read(golden(path)), path)
        state = self.values.read(self.session)
        self.assertEqual(state["sessionId"], 9_007_199_254_740_000)
        self.assertEqual(state["closedOwner"], {"incarnation": "a#3", "connection": 17})

    def test_a_value_cut_anywhere(self) -> None:
        value = self.session.value or b""
        for length in range(len(value)):
            with self.assertRaises(UnreadableRecord, msg=length):
                self.values.read(record(self.session.key, value[:length]))

    def test_a_value_with_more_behind_it(self) -> None:
        self.refused((self.session.value or b"") + b"\0", "partition 0, offset 17: .* does not end where schema 1 ends")

    def test_a_value_that_is_no_frame(self) -> None:
        self.refused(b"hello, world", "not in the Confluent wire format")

    def test_a_schema_of_a_later_release(self) -> None:
        self.refused(b"\0\0\0\0\x63body", "no spokemq.SessionState has the schema id 99. Name the schemas of a newer")

    def test_the_schema_of_another_record(self) -> None:
        self.refused(b"\0\0\0\0\x02body", "no spokemq.SessionState has the schema id 2")

    def test_a_foreign_key(self) -> None:
        with self.assertRaisesRegex(UnreadableRecord, "not one of SpokeMQ's"):
            self.values.read(record(b"hello", self.session.value))

    def test_a_folder_without_schemas(self) -> None:
        with self.assertRaisesRegex(SchemaSourceError, "Name its schemas/ with --schemas"):
            RepositorySchemas(recording.GOLDEN)


class FromARegistry(unittest.TestCase):
    """A registry in which our schemas have the ids 2 and 70, and somebody else's nameless ones 1 and 3."""

    def setUp(self) -> None:
        texts = {2: "session-state.v1.avsc", 70: "subscription.v1.avsc"}
        schemas = {f"/api/schemas/ids/{each}": (recording.SCHEMAS / file).read_text("utf-8") for each, file in texts.items()}
        schemas |= {"/api/schemas/ids/1": '"string"', "/api/schemas/ids/3": '["null", "string"]'}
        self.asked: list[tuple[str, str | None]] = []
        asked = self.asked

        class Registry(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, self.headers["authorization"]))
                schema = schemas.get(self.path)
                body = json.dumps({"error_code": 40403} if schema is None else {"schema": schema}).encode()
                self.send_response(404 if schema is None else 200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.host = f"127.0.0.1:{server.server_port}"
        registry = RegistrySchemas(f"http://{self.host}/api/")
        self.values = ValueReader(RepositorySchemas(recording.SCHEMAS), registry)
        self.session = golden(recording.GOLDEN / "session-state.v1.bin")
        self.subscription = golden(recording.GOLDEN / "subscription.v1.bin")

    def test_ids_of_the_registry(self) -> None:
        self.assertEqual(self.values.read(reframed(self.session, 2))["clientId"], "bike-7")
        self.assertEqual(self.values.read(reframed(self.subscription, 70))["filter"], "bike/7/#")

    def test_built_in_ids_from_before_the_registry(self) -> None:
        retained = golden(recording.GOLDEN / "retained-message.v1.bin")
        for source in (self.session, self.subscription, retained):
            self.assertEqual(self.values.read(source)["tenant"], "city")

    def test_every_schema_is_asked_for_once(self) -> None:
        for _ in range(3):
            self.values.read(reframed(self.session, 2))
        self.assertEqual(self.asked, [("/api/schemas/ids/2", None)])

    def test_user_and_password_go_into_a_header(self) -> None:
        RegistrySchemas(f"http://ops:p%40ss@{self.host}/api").schema(2)
        self.assertEqual(self.asked, [("/api/schemas/ids/2", "Basic b3BzOnBAc3M=")])

    def test_a_registry_that_is_away(self) -> None:
        with self.assertRaisesRegex(SchemaSourceError, "http://127.0.0.1:1/api: .*Check the URL") as raised:
            RegistrySchemas("http://ops:secret@127.0.0.1:1/api").schema(2)
        self.assertNotIn("secret", str(raised.exception))


if __name__ == "__main__":
    unittest.main()
