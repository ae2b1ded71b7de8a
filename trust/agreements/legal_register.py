"""The legal register: every basis, condition, power and duty an agreement may cite, as data.

It records the understanding of the drafters of this software. Each agency's counsel checks it; it is not advice.
``confirmed=False`` marks an entry whose effect or commencement counsel has yet to confirm. A change in the law is a new
entry with the same code and a later ``valid_from``; the older entry still explains disclosures made under it.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from trust.agreements.bodies import ANY, PUBLIC_AUTHORITIES, PublicBody

__all__ = ["REGISTER", "LegalEntry", "LegalPart"]


class LegalPart(StrEnum):
    """The part of an entry in the justification of a disclosure."""

    LAWFUL_BASIS = "lawful basis"
    SPECIAL_CATEGORY = "special category condition"
    CONDITION = "condition in domestic law"
    POWER = "power or duty to share"
    SAFEGUARD = "limit or duty on those who share"
    CONFIDENTIALITY = "ground for setting confidentiality aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalEntry:
    """One citable rule. ``title`` reads well after "under"; ``power`` is what the rule permits or requires.

    ``bodies`` are the kinds of body that ``relied_on_by`` describes, read widely: a kind that the words may include is
    among them. Where it is ``exclusive``, a service that another kind of body may offer cannot cite it for what it
    sends. ``consent_needed`` means that this rule fails without the person's consent, even if other rules apply.
    """

    code: str
    part: LegalPart
    title: str
    power: str
    relied_on_by: str
    consent_needed: bool
    valid_from: date
    source: str
    confirmed: bool
    bodies: frozenset[PublicBody] = ANY
    exclusive: bool = False


_PUBLIC = "public authorities"
_ANYONE = "any controller"
_COUNCILS = "local authorities"
_COUNCILS_AND_ASKED = "local authorities and those they ask"
_COUNCILS_AND_PARTNERS = "local authorities and their relevant partners"
_BODIES = {
    _COUNCILS: frozenset({PublicBody.LOCAL_AUTHORITY}),
    "controllers that are not public authorities": ANY - PUBLIC_AUTHORITIES,
    "police and other competent authorities": frozenset({PublicBody.POLICE, PublicBody.JUSTICE, PublicBody.GOVERNMENT}),
    "local authorities, police, health bodies and others listed": PUBLIC_AUTHORITIES,
    "relevant bodies": PUBLIC_AUTHORITIES,
    "police forces": frozenset({PublicBody.POLICE}),
    "responsible authorities and those with a duty to co-operate": PUBLIC_AUTHORITIES | {PublicBody.HOUSING},
    "specified public authorities in England": frozenset(
        {PublicBody.LOCAL_AUTHORITY, PublicBody.HEALTH, PublicBody.JUSTICE, PublicBody.GOVERNMENT}
    ),
    "health and adult social care commissioners and providers": frozenset(
        {PublicBody.HEALTH, PublicBody.LOCAL_AUTHORITY, PublicBody.OTHER}
    ),
    "the Secretary of State, local authorities and others prescribed": frozenset(
        {PublicBody.GOVERNMENT, PublicBody.LOCAL_AUTHORITY, PublicBody.HOUSING}
    ),
    _PUBLIC: PUBLIC_AUTHORITIES | {PublicBody.HOUSING},  # some housing providers are public; Body has one kind for all
}
"""Kinds of body that the words in ``relied_on_by`` describe; any body for words that are not here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Law:
    """One law, and the day from which its entries here may be relied on."""

    name: str
    valid_from: date
    confirmed: bool = True
    source: str = ""

    def entry(
        self, code: str, where: str, power: str, relied_on_by: str, part: LegalPart = LegalPart.POWER
    ) -> LegalEntry:
        title = f"{self.name} {where}".strip()
        return LegalEntry(
            code=code,
            part=part,
            title=title,
            power=power,
            relied_on_by=relied_on_by,
            bodies=_BODIES.get(relied_on_by, ANY),
            consent_needed=False,
            valid_from=self.valid_from,
            source=self.source or title,
            confirmed=self.confirmed,
        )


def _with_consent(entry: LegalEntry) -> LegalEntry:
    return replace(entry, consent_needed=True)


_UK_GDPR = _Law(name="UK GDPR", valid_from=date(2020, 12, 31))
_UK_GDPR_2026 = _Law(
    name="UK GDPR", valid_from=date(2026, 2, 5), source="UK GDPR as amended by the Data (Use and Access) Act 2025"
)
_DPA_2018 = _Law(name="Data Protection Act 2018,", valid_from=date(2018, 5, 25))
_BASIS, _SPECIAL, _CONDITION = LegalPart.LAWFUL_BASIS, LegalPart.SPECIAL_CATEGORY, LegalPart.CONDITION

_DATA_PROTECTION = (
    _with_consent(_UK_GDPR.entry("6-1-a", "Article 6(1)(a)", "the person's consent", _ANYONE, _BASIS)),
    _UK_GDPR.entry("6-1-c", "Article 6(1)(c)", "a legal obligation", _ANYONE, _BASIS),
    _UK_GDPR.entry(
        "6-1-d", "Article 6(1)(d)", "the vital interests of the person or of another person", _ANYONE, _BASIS
    ),
    _UK_GDPR.entry("6-1-e", "Article 6(1)(e)", "a task in the public interest or official authority", _PUBLIC, _BASIS),
    _UK_GDPR_2026.entry(
        "6-1-ea",
        "Article 6(1)(ea)",
        "a recognised legitimate interest, such as safeguarding",
        "controllers that are not public authorities",
        _BASIS,
    ),
    replace(_DPA_2018, confirmed=False).entry(
        "dpa2018-part3",
        "Part 3",
        "law-enforcement processing by a competent authority",
        "police and other competent authorities",
        _BASIS,
    ),
    _with_consent(_UK_GDPR.entry("9-2-a", "Article 9(2)(a)", "the person's explicit consent", _ANYONE, _SPECIAL)),
    _UK_GDPR.entry(
        "9-2-b", "Article 9(2)(b)", "employment, social security and social protection law", _ANYONE, _SPECIAL
    ),
    _UK_GDPR.entry("9-2-c", "Article 9(2)(c)", "vital interests of a person who cannot consent", _ANYONE, _SPECIAL),
    _UK_GDPR.entry("9-2-g", "Article 9(2)(g)", "substantial public interest", _ANYONE, _SPECIAL),
    _UK_GDPR.entry("9-2-h", "Article 9(2)(h)", "health or social care", _ANYONE, _SPECIAL),
    _UK_GDPR.entry(
        "10", "Article 10", "criminal-offence data under official authority or domestic law", _ANYONE, _SPECIAL
    ),
    _DPA_2018.entry(
        "dpa2018-sch1-18",
        "Schedule 1, paragraph 18",
        "safeguarding of children and of individuals at risk",
        _ANYONE,
        _CONDITION,
    ),
    _DPA_2018.entry(
        "dpa2018-sch1-10", "Schedule 1, paragraph 10", "preventing or detecting unlawful acts", _ANYONE, _CONDITION
    ),
)

_CHILDREN_ACT_1989 = _Law(name="Children Act 1989,", valid_from=date(1991, 10, 14))
_CHILDREN_ACT_2004 = _Law(name="Children Act 2004,", valid_from=date(2005, 4, 1))
_CHILDREN_ACT_2004_AS_AMENDED_2026 = _Law(
    name="Children Act 2004,",
    valid_from=date(2026, 4, 29),
    confirmed=False,
    source="Children Act 2004, sections 16LA to 16LC, inserted by the Children's Wellbeing and Schools Act 2026, "
    "section 4; passed 29 April 2026, brought into force in stages by regulations under its section 78(5)",
)

_CHILDREN = (
    _CHILDREN_ACT_1989.entry("ca1989-s17", "section 17", "services for children in need and their families", _COUNCILS),
    _CHILDREN_ACT_1989.entry(
        "ca1989-s27", "section 27", "help that a local authority may ask of other authorities", _COUNCILS_AND_ASKED
    ),
    _CHILDREN_ACT_1989.entry(
        "ca1989-s47", "section 47", "enquiries where a child may be suffering significant harm", _COUNCILS_AND_ASKED
    ),
    _CHILDREN_ACT_2004.entry(
        "ca2004-s10", "section 10", "co-operation to improve the well-being of children", _COUNCILS_AND_PARTNERS
    ),
    replace(_CHILDREN_ACT_2004, valid_from=date(2005, 10, 1)).entry(
        "ca2004-s11",
        "section 11",
        "functions discharged with regard to children's safety and welfare",
        "local authorities, police, health bodies and others listed",
    ),
    replace(_CHILDREN_ACT_2004, valid_from=date(2018, 6, 29)).entry(
        "ca2004-s16e",
        "section 16E",
        "local arrangements of the safeguarding partners",
        "safeguarding partners and relevant agencies",
    ),
    _CHILDREN_ACT_2004_AS_AMENDED_2026.entry(
        "ca2004-s16la",
        "section 16LA",
        "the duty to disclose what may help another body safeguard or promote the welfare of a child",
        "relevant bodies",
    ),
    _Law(name="Domestic Abuse Act 2021,", valid_from=date(2022, 1, 31), confirmed=False).entry(
        "daa2021-s3", "section 3", "children who see, hear or feel domestic abuse as victims of it", _PUBLIC
    ),
    replace(
        _Law(
            name="Domestic Abuse Act 2021,",
            valid_from=date(2025, 11, 7),
            source="Domestic Abuse Act 2021, section 49A, inserted by the Victims and Prisoners Act 2024; in force "
            "from 7 November 2025 by SI 2025/1168",
        ).entry(
            "daa2021-s49a",
            "section 49A (Operation Encompass)",
            "telling a child's school of a domestic-abuse incident",
            "police forces",
        ),
        exclusive=True,
    ),
)

_CARE_ACT = _Law(name="Care Act 2014,", valid_from=date(2015, 4, 1), confirmed=False)

_ADULTS_AND_PLACES = (
    _CARE_ACT.entry(
        "careact2014-s6",
        "section 6",
        "general co-operation about adults with care needs",
        _COUNCILS_AND_PARTNERS,
    ),
    _CARE_ACT.entry("careact2014-s7", "section 7", "co-operation in an individual case", _COUNCILS_AND_PARTNERS),
    _CARE_ACT.entry(
        "careact2014-s42", "section 42", "enquiries where an adult may be at risk of abuse or neglect", _COUNCILS
    ),
    _CARE_ACT.entry(
        "careact2014-s45",
        "section 45",
        "information that a safeguarding adults board requests",
        "persons that a safeguarding adults board asks",
    ),
    _Law(name="Crime and Disorder Act 1998,", valid_from=date(1998, 9, 30)).entry(
        "cda1998-s115",
        "section 115",
        "the power, not a duty, to disclose to relevant authorities for the purposes of the Act",
        "anyone disclosing to police, councils, probation, health bodies or registered social landlords",
    ),
    _Law(name="Criminal Justice Act 2003,", valid_from=date(2004, 4, 5), confirmed=False).entry(
        "cja2003-s325",
        "section 325",
        "multi-agency public protection arrangements",
        "responsible authorities and those with a duty to co-operate",
    ),
    _Law(name="Digital Economy Act 2017,", valid_from=date(2018, 5, 1), confirmed=False).entry(
        "dea2017-part5",
        "Part 5",
        "public service delivery, between named persons and for named objectives only",
        "persons and objectives named in regulations",
    ),
    _with_consent(
        _Law(name="Housing Act 1996,", valid_from=date(2018, 10, 1)).entry(
            "ha1996-s213b",
            "section 213B",
            "referral of a person who may be homeless to a housing authority of that person's choice",
            "specified public authorities in England",
        )
    ),
    _Law(name="Health and Social Care Act 2012,", valid_from=date(2015, 10, 1), confirmed=False).entry(
        "hsca2012-s251b",
        "section 251B",
        "the duty to share information for a person's direct care",
        "health and adult social care commissioners and providers",
    ),
    _Law(name="Welfare Reform Act 2012,", valid_from=date(2012, 5, 8), confirmed=False).entry(
        "wra2012-s130-131",
        "sections 130 and 131",
        "social-security information for welfare services",
        "the Secretary of State, local authorities and others prescribed",
    ),
)

_LIMITS = (
    _Law(name="Social Security Administration Act 1992,", valid_from=date(1992, 7, 1), confirmed=False).entry(
        "ssaa1992-s123",
        "section 123",
        "the offence of disclosing social-security information without authority",
        "binds those who hold or held it",
        LegalPart.SAFEGUARD,
    ),
    replace(_DPA_2018, valid_from=date(2026, 6, 19)).entry(
        "dpa2018-s164a",
        "section 164A",
        "the duty to help people complain, and to answer",
        "binds every controller",
        LegalPart.SAFEGUARD,
    ),
)

_CONFIDENCE = _Law(
    name="common law of confidence,",
    valid_from=date(1997, 12, 1),
    source="Common law of confidence; the Caldicott principles (report of December 1997)",
)
_CONFIDENTIALITY = (
    _with_consent(
        _CONFIDENCE.entry(
            "confidentiality.consent",
            "consent",
            "the person agreed to set confidentiality aside",
            _ANYONE,
            LegalPart.CONFIDENTIALITY,
        )
    ),
    _CONFIDENCE.entry(
        "confidentiality.statute",
        "statute",
        "a statute requires or permits the disclosure",
        _ANYONE,
        LegalPart.CONFIDENTIALITY,
    ),
    _CONFIDENCE.entry(
        "confidentiality.overriding-public-interest",
        "overriding public interest",
        "disclosure to prevent serious harm",
        _ANYONE,
        LegalPart.CONFIDENTIALITY,
    ),
)

REGISTER: tuple[LegalEntry, ...] = (
    *_DATA_PROTECTION,
    *_CHILDREN,
    *_ADULTS_AND_PLACES,
    *_LIMITS,
    *_CONFIDENTIALITY,
)
"""Every entry; a code may occur again with a later date."""
