"""The answers as text for people, and as JSON for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from .answers import HOUR_MS, Answers, Questions

OFFLINE_LINES_MAX = 20
BAR_CHARACTERS_MAX = 40


def as_json(answers: Answers, questions: Questions) -> str:
    return json.dumps(
        {
            "from": time_text(answers.window.from_ms),
            "to": time_text(answers.window.to_ms),
            "completeFrom": time_text(questions.complete_from_ms),
            "clients": answers.clients,
            "connectionsPerHour": [
                {"hour": time_text(hour), "connections": count} for hour, count in answers.connections_per_hour.items()
            ],
            "sessionLength": {
                "connections": answers.ended_connections,
                "meanS": answers.mean_session_s,
                "stillOpen": answers.open_connections,
            },
            "churn": [
                {"period": time_text(each.period_ms), "active": each.active, "lost": each.lost, "rate": each.rate}
                for each in answers.churn
            ],
            "periodHours": questions.period_hours,
            "offline": [
                {
                    "tenant": each.client.tenant,
                    "clientId": each.client.client_id,
                    "since": time_text(each.since_ms),
                    "reason": each.reason,
                }
                for each in answers.offline
            ],
            "offlineHours": questions.offline_hours,
        },
        indent=2,
    )


def as_text(answers: Answers, questions: Questions) -> str:
    window = answers.window
    lines = [f"{answers.clients} clients, {time_text(window.from_ms)} to {time_text(window.to_ms)}", ""]
    if window.from_ms < questions.complete_from_ms:
        complete = time_text(questions.complete_from_ms)
        lines += [f"Compaction may have taken events from before {complete}: counts there are the least it can be.", ""]
    lines += ["Connections per hour", *_hour_lines(answers), "", "Mean session length", f"  {_mean_text(answers)}"]
    lines += ["", f"Churn, per {questions.period_hours} h", *_churn_lines(answers)]
    lines += ["", f"Offline for more than {questions.offline_hours:g} h: {len(answers.offline)}"]
    lines += _offline_lines(answers)
    return "\n".join(lines)


def _hour_lines(answers: Answers) -> list[str]:
    most = max(answers.connections_per_hour.values(), default=0)
    return [
        f"  {time_text(hour)[:16]}  {count:>6}  {'#' * round(count / most * BAR_CHARACTERS_MAX)}"
        for hour, count in answers.connections_per_hour.items()
        if count > 0
    ] or ["  none"]


def _mean_text(answers: Answers) -> str:
    still_open = f"{answers.open_connections} still open"
    if answers.mean_session_s is None:
        return f"no connection ended, {still_open}"
    return f"{answers.mean_session_s:,.0f} s, of {answers.ended_connections} connections that ended; {still_open}"


def _churn_lines(answers: Answers) -> list[str]:
    return [
        f"  {time_text(each.period_ms)[:16]}  {each.active:>6} active  {each.lost:>6} lost"
        + ("" if each.rate is None else f"  {each.rate:.1%}")
        for each in answers.churn
    ] or ["  the window holds no whole period"]


def _offline_lines(answers: Answers) -> list[str]:
    lines = [
        f"  {each.client.tenant}/{each.client.client_id}  since {time_text(each.since_ms)}"
        f"  ({(answers.window.to_ms - each.since_ms) / HOUR_MS:,.0f} h, {each.reason})"
        for each in answers.offline[:OFFLINE_LINES_MAX]
    ]
    more = len(answers.offline) - OFFLINE_LINES_MAX
    return [*lines, f"  and {more} more; --json lists them all"] if more > 0 else lines


def time_text(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1_000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
