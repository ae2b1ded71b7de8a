"""Rules for commit messages: `area: what changed`, so that the history can be scanned."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from tests.architecture.source import ROOT

LAST_EXEMPT = "83b72889f665cba6d5fa11d0f8b533ac1c5a550d"  # messages are checked after this commit
MAX_SUBJECT = 60

AREAS = frozenset(
    [
        *("trust", "adapters", "config", "gateway", "docs", "findings", "requirements", "tests"),
        *("runtime", "telemetry", "keys", "store", "peers", "oauth", "federation", "agreements", "accountability"),
        *(
            "evidence",
            "exchange",
            "delivery",
            "lookups",
            "benefits",
            "misuse",
            "plays",
            "alerts",
            "referrals",
            "consents",
            "sharing",
            "disclosures",
        ),
        *("authority", "health", "maintenance", "administration", "web", "http", "console", "cli", "server", "app"),
        *("demo", "sign-in", "retention", "durations", "doctor", "restore", "enrolment"),
        *("matching", "sources", "sampling", "jobcentre", "police", "social care", "census"),
        *("build", "run", "bench", "fuzz", "simulator", "architecture", "changelog", "site", "all parts"),
    ]
)
_SUBJECT = re.compile(r"(?P<areas>[a-z]+(?:(?:, |[ -])[a-z]+)*): (?P<change>\S.*)")


class NoHistoryError(Exception):
    """The commits to check are not in this copy of the project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The short hash and the message of one commit."""

    name: str
    message: str


def new_commits() -> list[Commit]:
    """Return the commits after the last exempt one, without merges. Raises NoHistoryError."""
    try:
        if _git("rev-parse", "--is-shallow-repository").strip() == "true":
            raise NoHistoryError("this is a shallow clone; git fetch --unshallow brings the messages")
        _git("merge-base", "--is-ancestor", LAST_EXEMPT, "HEAD")
        log = _git("log", "--no-merges", "-z", "--format=%h%n%B", f"{LAST_EXEMPT}..HEAD")
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise NoHistoryError(f"git cannot list the commits after {LAST_EXEMPT[:7]} here") from error
    entries = (entry.partition("\n") for entry in log.split("\0") if entry)
    return [Commit(name=name, message=message.rstrip("\n")) for name, _, message in entries]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def message_form(commit: Commit) -> Iterator[str]:
    """Ask for `area: what changed`: a known area, lower case, no full stop, 60 characters."""
    subject, *rest = commit.message.split("\n")
    parts = _SUBJECT.fullmatch(subject)
    if len(subject) > MAX_SUBJECT:
        yield f"{commit.name}: the subject has {len(subject)} characters, {MAX_SUBJECT} are allowed: {subject}"
    if rest and rest[0]:
        yield f"{commit.name}: leave the second line empty: {rest[0]}"
    if parts is None:
        yield f"{commit.name}: write the subject as `area: what changed`: {subject}"
        return
    for area in sorted(set(parts["areas"].split(", ")) - AREAS):
        yield f"{commit.name}: {area} is no area in tests/architecture/messages.py: {subject}"
    if parts["change"][0].isupper():
        yield f"{commit.name}: write lower case after the colon: {subject}"
    if subject.endswith("."):
        yield f"{commit.name}: end the subject without a full stop: {subject}"
