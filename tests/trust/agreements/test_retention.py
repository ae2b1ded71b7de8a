"""Words on retention are taken to state a period of answers only where they clearly do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.agreements.retention import StatedRetention, read_retention

LOG = "The audit log is kept for six years."


@pytest.mark.parametrize(
    ("text", "shortest"),
    [
        ("Answers are deleted after 90 days.", 90),
        (f"Information received is deleted after 30 days. {LOG}", 30),
        (f"Responses are deleted after 30 days; {LOG}", 30),
        (f"{LOG} Data received under this agreement is erased within 24 hours.", 1),
        (f"A reply is kept for half a year. {LOG}", 183),
        (f"Answers, after one hundred and eighty days, are deleted. {LOG}", 180),
        ("Within 30 working days all answers are deleted, and the audit log after six years.", 30),
        ("Answers are never kept longer than a quarter.", 92),
        ("Answers to questions are deleted after 90 days.", 90),
        ("Information about a child is deleted after 90 days.", 90),
        ("Answers are kept no more than 1.5 years.", 549),
        (f"Answers are kept no longer than 30 days.\nThe log is never deleted. {LOG}", 30),
        (f"An answer is kept no longer than its clause says and is then deleted. {LOG}", 2196),
        ("Answers are kept for the number of days that each clause states.", None),
        ("Answers are kept for as long as their clause says.", None),
    ],
)
def test_what_is_said_clearly(text: str, shortest: int | None) -> None:
    assert read_retention(text) == StatedRetention(shortest=shortest, clear=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "As written down.",
        LOG,
        f"Answers are not kept. {LOG}",
        f"Answers are not kept and {LOG}",
        f"No answer is stored. {LOG}",
        f"Information is shown and discarded. {LOG}",
        f"Answers are deleted at the end of the session, other copies after six years. {LOG}",
        f"Answers are deleted on the same day. {LOG}",
        f"Answers are deleted immediately; copies after six years. {LOG}",
        "Answers are deleted nightly and backups after six years.",
        "Answers are kept until the case is closed, and at most six years.",
        "Answers are kept for six years or less.",
        "Answers are kept as long as necessary, at most six years.",
        "Answers are kept for a few weeks, the log for six years.",
        f"Answers are kept by our schedule. {LOG}",
        "Records are kept for six years.",
        "The record of each question is kept for six years.",
        "A record of all answers is kept for six years.",
        "Personal data in the audit log is kept for six years.",
        "Audit data is kept for six years.",
        "Statistical information is kept for six years.",
        "Answers are deleted at logout and information about questions is kept for six years.",
        "Answers are deleted at logout and data on the use of the gateway is kept for six years.",
        "Answers and the audit log are kept for six years.",
        f"They are not kept in the log. Answers are kept for six years. {LOG}",
        f"Answers live for thirtyish days. {LOG}",
    ],
)
def test_what_may_mean_less_is_unclear(text: str) -> None:
    assert not read_retention(text).clear


@given(
    first=st.integers(1, 400),
    second=st.integers(1, 400),
    subject=st.sampled_from(["Answers are", "Responses are", "Information received is", "The data are", "A reply is"]),
    other=st.sampled_from(["The log is", "Backups are", "Everything else is", "Case files are"]),
)
def test_of_several_periods_the_shortest_counts(first: int, second: int, subject: str, other: str) -> None:
    sentences = [f"{subject} deleted after {first} days.", f"{other} deleted after {second} days."]
    for text in (" ".join(sentences), " ".join(reversed(sentences))):
        assert read_retention(text).shortest == min(first, second)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert read_retention(text).shortest is None or text
