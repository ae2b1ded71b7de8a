"""Entries of the legal register on data protection and confidence, which apply in the whole United Kingdom."""

from dataclasses import replace
from datetime import date

from trust.agreements.legal_entry import (
    ANY_CONTROLLER,
    GREAT_BRITAIN,
    NOT_PUBLIC,
    PUBLIC,
    Law,
    LegalEntry,
    LegalPart,
    with_consent,
    with_policy,
)

_UK_GDPR = Law(
    name="UK GDPR",
    enacted=date(2016, 4, 27),
    on=date(2020, 12, 31),
    by="European Union (Withdrawal) Act 2018, section 3, and SI 2019/419",
)
_AMENDED_2025 = "as amended by the Data (Use and Access) Act 2025"
_UK_GDPR_2026 = Law(
    name="UK GDPR",
    enacted=date(2025, 6, 19),
    on=date(2026, 2, 5),
    by="SI 2026/82, regulation 2",
    source=f"UK GDPR {_AMENDED_2025}, section 70",
)
_DPA_2018 = Law(name="Data Protection Act 2018,", enacted=date(2018, 5, 23), on=date(2018, 5, 25), by="SI 2018/625")
_BASIS, _SPECIAL, _CONDITION = LegalPart.LAWFUL_BASIS, LegalPart.SPECIAL_CATEGORY, LegalPart.CONDITION


def _article_6(letter: str, power: str, relied_on_by: str = ANY_CONTROLLER) -> LegalEntry:
    return _UK_GDPR.entry(f"6-1-{letter}", f"Article 6(1)({letter})", power, relied_on_by, _BASIS)


def _article_9(letter: str, power: str) -> LegalEntry:
    return _UK_GDPR.entry(f"9-2-{letter}", f"Article 9(2)({letter})", power, ANY_CONTROLLER, _SPECIAL)


def _schedule_1(paragraph: int, power: str) -> LegalEntry:
    return _DPA_2018.entry(
        f"dpa2018-sch1-{paragraph}", f"Schedule 1, paragraph {paragraph}", power, ANY_CONTROLLER, _CONDITION
    )


DATA_PROTECTION = (
    with_consent(_article_6("a", "the person's consent")),
    _article_6("c", "a legal obligation"),
    _article_6("d", "the vital interests of the person or of another person"),
    _article_6("e", "a task in the public interest or official authority", PUBLIC),
    _UK_GDPR_2026.entry(
        "6-1-ea",
        "Article 6(1)(ea)",
        "a recognised legitimate interest, such as safeguarding",
        NOT_PUBLIC,
        _BASIS,
    ),
    _article_6("f", "a legitimate interest that the person's own interests do not override", NOT_PUBLIC),
    replace(_DPA_2018, confirmed=False).entry(
        "dpa2018-part3",
        "Part 3",
        "law-enforcement processing by a competent authority",
        "police and other competent authorities",
        _BASIS,
    ),
    with_consent(_article_9("a", "the person's explicit consent")),
    _article_9("b", "employment, social security and social protection law"),
    _article_9("c", "vital interests of a person who cannot consent"),
    _article_9("g", "substantial public interest"),
    _article_9("h", "health or social care"),
    _UK_GDPR.entry(
        "10", "Article 10", "criminal-offence data under official authority or domestic law", ANY_CONTROLLER, _SPECIAL
    ),
    with_policy(_schedule_1(1, "employment, social security and social protection")),
    _schedule_1(2, "health or social care under an obligation of secrecy"),
    with_policy(_schedule_1(6, "statutory and government purposes in the substantial public interest")),
    with_policy(_schedule_1(18, "safeguarding of children and of individuals at risk")),
    with_policy(_schedule_1(10, "preventing or detecting unlawful acts")),
)
"""Lawful bases, special category conditions and conditions in domestic law.

Data Protection Act 2018, Schedule 1: paragraph 1(1)(b) and, for Part 2 of the Schedule, paragraph 5 ask for the policy
document that its Part 4 describes. Paragraph 10(3) lets a disclosure to a competent authority go without.
"""

LIMITS = (
    Law(
        name="Social Security Administration Act 1992,",
        enacted=date(1992, 2, 13),
        on=date(1992, 7, 1),
        confirmed=False,
        extent=GREAT_BRITAIN,
    ).entry(
        "ssaa1992-s123",
        "section 123",
        "the offence of disclosing social-security information without authority",
        "binds those who hold or held it",
        LegalPart.SAFEGUARD,
    ),
    replace(
        _DPA_2018,
        enacted=date(2025, 6, 19),
        on=date(2026, 6, 19),
        by="SI 2026/82, regulation 3",
        source=f"Data Protection Act 2018, section 164A, {_AMENDED_2025}, section 103",
    ).entry(
        "dpa2018-s164a",
        "section 164A",
        "the duty to help people complain, and to answer",
        "binds every controller",
        LegalPart.SAFEGUARD,
    ),
)

_CONFIDENCE = Law(
    name="common law of confidence,",
    enacted=None,
    on=date(1997, 12, 1),
    source="Common law of confidence; the Caldicott principles (report of December 1997)",
)


def _confidence(ground: str, where: str, power: str) -> LegalEntry:
    return _CONFIDENCE.entry(f"confidentiality.{ground}", where, power, ANY_CONTROLLER, LegalPart.CONFIDENTIALITY)


CONFIDENTIALITY = (
    with_consent(_confidence("consent", "consent", "the person agreed to set confidentiality aside")),
    _confidence("statute", "statute", "a statute requires or permits the disclosure"),
    _confidence("overriding-public-interest", "overriding public interest", "disclosure to prevent serious harm"),
)
