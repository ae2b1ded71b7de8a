"""A signatory reads all of an agreement, and who signed it."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from tests.trust.agreements.examples import DOCUMENT, document, parsed, signatures
from tests.trust.exchange.examples import COUNCIL, NOW, TRUST
from trust.agreements.reading import in_words, read_clause_out, read_out, signatories
from trust.agreements.review_trigger import ReviewTrigger
from trust.agreements.time_terms import parse_time_term


def lines(whole: dict[str, Any] | None = None) -> list[str]:
    return [line for section in read_out(parsed(whole)) for line in section.lines]


def flat(value: object) -> list[str]:
    """Return every text and number of a document."""
    if isinstance(value, dict):
        return [*value, *(leaf for each in value.values() for leaf in flat(each))]
    if isinstance(value, list):
        return [leaf for each in value for leaf in flat(each)]
    return [str(value)]


def test_everything_that_the_document_says_is_read_out() -> None:
    whole = deepcopy(DOCUMENT)
    read = "\n".join(lines(whole))
    for text in ("title", "benefits", "individuals_informed", "consent_text", "rights", "retention", "security"):
        assert whole[text] in read
    for text in (*flat(whole["parties"]), *flat(whole["purposes"]), *whole["items"], *whole["powers"]):
        assert text in read or text in {"entity", "name", "services", "code", "description"}
    for day in ("1 April 2026", "31 March 2028", "31 March 2027"):
        assert day in read


def test_a_clause_is_read_out_in_sentences() -> None:
    sections = {section.heading: section.lines for section in read_out(parsed())}
    assert " ".join(sections["Clause in-payment"]) == (
        "For benefit-check, money-advice (Vale Council) may ask work-coaches (Vale Jobcentre) about a "
        "person's benefit, to be answered yes, no or unknown (eligibility.query, version 1). It may ask only "
        "whether it is in payment. a money-adviser is told: answer, as_of each holder is sent of the person: "
        "the names, birth date and gender, the identifiers of its own sector, and the postcode where it is "
        "sent no identifier Shared under UK GDPR Article 6(1)(e) (a task in the public interest or official "
        "authority) and Welfare Reform Act 2012, sections 130 and 131 (social-security information for "
        "welfare services). Some of this is still to be confirmed by counsel. [6-1-e, wra2012-s130-131] It "
        "does not rest on the person's consent. A holder says so when it does not know the person. The answer "
        "is kept for 30 days at most. It may not be passed on. Each party sets how often it may be asked; a "
        "question over that budget is refused and flagged."
    )


def test_consent_and_urgency_are_read_out() -> None:
    first = {**DOCUMENT["clauses"][0], "basis": ["6-1-a"], "urgent": True, "keep_days": 1}
    read = "\n".join(lines(document(clauses=[first])))
    assert "It rests on the person's consent (as the legal basis): each question carries the record of it" in read
    assert "Urgent: never refused for the number of questions" in read
    assert "kept for 1 day at most" in read


def test_a_day_and_a_signatory_are_written_as_people_do() -> None:
    agreement = parsed()
    signed = signatures(agreement, COUNCIL, TRUST).values()
    day = in_words(NOW.date())
    assert signatories(agreement, signed) == [
        f"Vale Council: signed by R. Example, Caldicott Guardian, on {day}.",
        f"Vale Mental Health: signed by R. Example, Caldicott Guardian, on {day}.",
        "Vale Jobcentre: has not signed.",
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [("4 hours", "within 4 hours"), ("before next school day", "before next school day")],
)
def test_the_time_in_which_a_recipient_decides_is_read_out(written: str, read: str) -> None:
    agreement = parsed()
    clause = replace(agreement.clauses[0], respond_within=parse_time_term(written))
    assert any(f"The recipient decides {read}; a red message" in line for line in read_clause_out(clause, agreement))


def test_the_trigger_of_a_review_is_read_out() -> None:
    agreement = parsed()
    clause = replace(agreement.clauses[0], review_when=ReviewTrigger(useful_below=25, of=20))
    assert (
        "The parties review this clause when fewer than 25 of 100 alerts were useful, of 20 or more that recipients "
        "closed."
    ) in read_clause_out(clause, agreement)
