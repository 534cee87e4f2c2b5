"""`python -m fleet_analytics`: answers four questions about a fleet from its event log."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from .answers import HOUR_MS, Questions, Window, answer
from .failure import Failure
from .log_record import Client
from .report import as_json, as_text, time_text
from .schemas import RegistrySchemas, RepositorySchemas
from .session_events import SessionEvent, events_of_lines, events_of_records
from .values import ValueReader

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
# Of the embedded profile, unless `eventLog.compactionLagMs` says otherwise.
LAG_HOURS = 24 * 7


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fleet_analytics", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--kafka", metavar="HOST:PORT", help="read the topic from this Kafka")
    source.add_argument("--lines", metavar="FILE", help="read what `spoke events tail --json` printed; - is standard input")
    parser.add_argument("--topic", default="spoke.session-events", help="default: %(default)s")
    parser.add_argument(
        "--kafka-setting",
        metavar="NAME=VALUE",
        action="append",
        type=setting,
        default=[],
        help="of librdkafka, for TLS and SASL",
    )
    parser.add_argument("--schemas", type=Path, default=SCHEMAS, help="schemas/ of a release (default: %(default)s)")
    parser.add_argument("--registry", metavar="URL", help="schema registry that the brokers use, Confluent API")
    parser.add_argument("--tenant", help="only this tenant")
    parser.add_argument("--client", metavar="PATTERN", default="*", help="only clients like this, such as 'bike-*'")
    parser.add_argument("--at", type=moment, metavar="TIME", help="as it was then, ISO 8601, UTC (default: now)")
    parser.add_argument("--since", type=moment, metavar="TIME", help="default: as far back as every event is there")
    parser.add_argument("--compaction-lag-hours", type=float, help="how far back that is (default: as the topic says)")
    parser.add_argument("--period-hours", type=whole, default=24, help="period of churn (default: %(default)s)")
    parser.add_argument("--offline-hours", type=float, default=24, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser.parse_args(argv)


def moment(text: str) -> int:
    """Milliseconds since 1970; without a zone it is UTC."""
    time_read = datetime.fromisoformat(text)
    return round((time_read if time_read.tzinfo else time_read.replace(tzinfo=UTC)).timestamp() * 1_000)


def setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("write it as NAME=VALUE, such as security.protocol=SSL")
    return name, value


def whole(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


@contextmanager
def opened_source(options: argparse.Namespace) -> Iterator[tuple[Iterator[SessionEvent], float]]:
    """The events, and for how many hours every single one is kept."""
    if options.lines is None:
        from .kafka_topic import KafkaTopic  # Lines need no Kafka client.

        topic = KafkaTopic(options.kafka, options.topic, dict(options.kafka_setting))
        registry = None if options.registry is None else RegistrySchemas(options.registry)
        values = ValueReader(RepositorySchemas(options.schemas), registry)
        yield events_of_records(topic.records(), values), topic.compaction_lag_ms() / HOUR_MS
    elif options.lines == "-":
        yield events_of_lines(sys.stdin), LAG_HOURS
    else:
        with open(options.lines, encoding="utf-8") as lines:
            yield events_of_lines(lines), LAG_HOURS


def run(options: argparse.Namespace) -> str:
    now_ms = round(time.time() * 1_000)
    to_ms = now_ms if options.at is None else options.at

    def concerns(client: Client) -> bool:
        return options.tenant in (None, client.tenant) and fnmatchcase(client.client_id, options.client)

    with opened_source(options) as (events, lag_hours):
        if options.compaction_lag_hours is not None:
            lag_hours = options.compaction_lag_hours
        complete_from_ms = round(now_ms - lag_hours * HOUR_MS)
        from_ms = complete_from_ms if options.since is None else options.since
        if from_ms >= to_ms:
            raise Failure(f"Nothing lies between {time_text(from_ms)} and {time_text(to_ms)}: give an earlier --since.")
        window = Window(from_ms, to_ms)
        questions = Questions(window, complete_from_ms, options.period_hours, options.offline_hours, concerns)
        answers = answer(events, questions)
    return as_json(answers, questions) if options.json else as_text(answers, questions)


def main() -> int:
    options = arguments(sys.argv[1:])
    try:
        print(run(options))
    except (Failure, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
