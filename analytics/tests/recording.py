"""Two recorded days of a fleet: what the broker wrote, and what is to be found in it. The broker's tests keep them true."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fleet_analytics.log_record import LogRecord

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMAS = REPOSITORY / "schemas"
GOLDEN = REPOSITORY / "test" / "golden"
RECORDED = Path(__file__).parent / "recorded"
LINES = RECORDED / "days.lines.jsonl"


def records() -> Iterator[LogRecord]:
    for line in (RECORDED / "days.frames.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        value = None if entry["value"] is None else base64.b64decode(entry["value"])
        yield LogRecord(
            entry["partition"], entry["offset"], entry["timestampMs"], entry["key"].encode(), value, entry["event"]
        )


def answers() -> dict[str, Any]:
    return dict(json.loads((RECORDED / "days.answers.json").read_text("utf-8")))
