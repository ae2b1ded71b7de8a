"""The legal vocabulary: every basis, condition, power and duty an agreement may cite, as data.

It records what the drafters of this software understood, to be checked by each agency's counsel; it is not advice.
``confirmed=False`` marks an entry whose effect or commencement counsel has yet to confirm. A change in the law is a new
entry with the same code and a later ``valid_from``: the older one keeps explaining what was done under it.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

__all__ = ["REGISTER", "LegalEntry", "LegalPart"]


class LegalPart(StrEnum):
    """What part an entry plays in justifying a disclosure."""

    LAWFUL_BASIS = "lawful basis"
    SPECIAL_CATEGORY = "special category condition"
    CONDITION = "condition in domestic law"
    POWER = "power or duty to share"
    SAFEGUARD = "limit or duty on those who share"
    CONFIDENTIALITY = "ground for setting confidentiality aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalEntry:
    """One citable rule. ``title`` reads well after "under"; ``power`` says what it lets or makes somebody do.

    ``consent_needed`` means that this very rule fails without the person's consent, whatever else applies.
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


_UK_GDPR_FROM = date(2020, 12, 31)
_DPA_FROM = date(2018, 5, 25)
_PUBLIC = "public authorities"
_ANYONE = "any controller"


def _gdpr(code: str, part: LegalPart, power: str, *, relied_on_by: str = _ANYONE, consent: bool = False) -> LegalEntry:
    article, *points = code.split("-")
    title = f"UK GDPR Article {article}" + "".join(f"({point})" for point in points)
    return LegalEntry(
        code=code,
        part=part,
        title=title,
        power=power,
        relied_on_by=relied_on_by,
        consent_needed=consent,
        valid_from=_UK_GDPR_FROM,
        source=title.replace("UK GDPR", "Regulation (EU) 2016/679 as assimilated (UK GDPR),"),
        confirmed=True,
    )


def _act(  # noqa: PLR0913 - one argument for each column of the register's table
    code: str,
    title: str,
    power: str,
    relied_on_by: str,
    valid_from: date,
    *,
    part: LegalPart = LegalPart.POWER,
    consent: bool = False,
    confirmed: bool = True,
    source: str = "",
) -> LegalEntry:
    return LegalEntry(
        code=code,
        part=part,
        title=title,
        power=power,
        relied_on_by=relied_on_by,
        consent_needed=consent,
        valid_from=valid_from,
        source=source or title,
        confirmed=confirmed,
    )


_BASES = (
    _gdpr("6-1-a", LegalPart.LAWFUL_BASIS, "the person's consent", consent=True),
    _gdpr("6-1-c", LegalPart.LAWFUL_BASIS, "a legal obligation"),
    _gdpr("6-1-d", LegalPart.LAWFUL_BASIS, "somebody's vital interests"),
    _gdpr("6-1-e", LegalPart.LAWFUL_BASIS, "a task in the public interest or official authority", relied_on_by=_PUBLIC),
    _act(
        "6-1-ea",
        "UK GDPR Article 6(1)(ea)",
        "a recognised legitimate interest, such as safeguarding",
        "controllers that are not public authorities",
        date(2026, 2, 5),
        part=LegalPart.LAWFUL_BASIS,
        source="UK GDPR, Article 6(1)(ea), inserted by the Data (Use and Access) Act 2025",
    ),
    _act(
        "dpa2018-part3",
        "Data Protection Act 2018, Part 3",
        "law-enforcement processing by a competent authority",
        "police and other competent authorities",
        _DPA_FROM,
        part=LegalPart.LAWFUL_BASIS,
        confirmed=False,
    ),
    _gdpr("9-2-a", LegalPart.SPECIAL_CATEGORY, "the person's explicit consent", consent=True),
    _gdpr("9-2-b", LegalPart.SPECIAL_CATEGORY, "employment, social security and social protection law"),
    _gdpr("9-2-c", LegalPart.SPECIAL_CATEGORY, "vital interests of a person who cannot consent"),
    _gdpr("9-2-g", LegalPart.SPECIAL_CATEGORY, "substantial public interest"),
    _gdpr("9-2-h", LegalPart.SPECIAL_CATEGORY, "health or social care"),
    _gdpr("10", LegalPart.SPECIAL_CATEGORY, "criminal-offence data under official authority or domestic law"),
    _act(
        "dpa2018-sch1-18",
        "Data Protection Act 2018, Schedule 1, paragraph 18",
        "safeguarding of children and of individuals at risk",
        _ANYONE,
        _DPA_FROM,
        part=LegalPart.CONDITION,
    ),
    _act(
        "dpa2018-sch1-10",
        "Data Protection Act 2018, Schedule 1, paragraph 10",
        "preventing or detecting unlawful acts",
        _ANYONE,
        _DPA_FROM,
        part=LegalPart.CONDITION,
    ),
)

_CHILDREN = (
    _act(
        "ca1989-s17",
        "Children Act 1989, section 17",
        "services for children in need and their families",
        "local authorities",
        date(1991, 10, 14),
    ),
    _act(
        "ca1989-s27",
        "Children Act 1989, section 27",
        "help that a local authority may ask of other authorities",
        "local authorities and those they ask",
        date(1991, 10, 14),
    ),
    _act(
        "ca1989-s47",
        "Children Act 1989, section 47",
        "enquiries where a child may be suffering significant harm",
        "local authorities and those they ask",
        date(1991, 10, 14),
    ),
    _act(
        "ca2004-s10",
        "Children Act 2004, section 10",
        "co-operation to improve the well-being of children",
        "local authorities and their relevant partners",
        date(2005, 4, 1),
    ),
    _act(
        "ca2004-s11",
        "Children Act 2004, section 11",
        "functions discharged with regard to children's safety and welfare",
        "local authorities, police, health bodies and others listed",
        date(2005, 10, 1),
    ),
    _act(
        "ca2004-s16e",
        "Children Act 2004, section 16E",
        "local arrangements of the safeguarding partners",
        "safeguarding partners and relevant agencies",
        date(2018, 6, 29),
    ),
    _act(
        "ca2004-s16la",
        "Children Act 2004, section 16LA",
        "the duty to disclose what may help another body safeguard or promote the welfare of a child",
        "relevant bodies",
        date(2026, 4, 29),
        confirmed=False,
        source="Children Act 2004, sections 16LA to 16LC, inserted by the Children's Wellbeing and Schools Act 2026, "
        "section 4; passed 29 April 2026, commenced in stages by regulations under section 78(5)",
    ),
    _act(
        "daa2021-s3",
        "Domestic Abuse Act 2021, section 3",
        "children who see, hear or feel domestic abuse as victims of it",
        _PUBLIC,
        date(2022, 1, 31),
        confirmed=False,
    ),
    _act(
        "vpa2024-encompass",
        "Victims and Prisoners Act 2024 (Operation Encompass)",
        "telling a child's school of a domestic-abuse incident",
        "police forces",
        date(2024, 5, 24),
    ),
)

_ADULTS_AND_PLACES = (
    _act(
        "careact2014-s6",
        "Care Act 2014, section 6",
        "general co-operation about adults with care needs",
        "local authorities and their relevant partners",
        date(2015, 4, 1),
        confirmed=False,
    ),
    _act(
        "careact2014-s7",
        "Care Act 2014, section 7",
        "co-operation in an individual case",
        "local authorities and their relevant partners",
        date(2015, 4, 1),
        confirmed=False,
    ),
    _act(
        "careact2014-s42",
        "Care Act 2014, section 42",
        "enquiries where an adult may be at risk of abuse or neglect",
        "local authorities",
        date(2015, 4, 1),
        confirmed=False,
    ),
    _act(
        "careact2014-s45",
        "Care Act 2014, section 45",
        "information that a safeguarding adults board asks for",
        "those whom a safeguarding adults board asks",
        date(2015, 4, 1),
        confirmed=False,
    ),
    _act(
        "cda1998-s115",
        "Crime and Disorder Act 1998, section 115",
        "the power, not a duty, to disclose to relevant authorities for the purposes of the Act",
        "anyone disclosing to police, councils, probation, health bodies or registered social landlords",
        date(1998, 9, 30),
    ),
    _act(
        "cja2003-s325",
        "Criminal Justice Act 2003, section 325",
        "multi-agency public protection arrangements",
        "responsible authorities and those with a duty to co-operate",
        date(2004, 4, 5),
        confirmed=False,
    ),
    _act(
        "dea2017-part5",
        "Digital Economy Act 2017, Part 5",
        "public service delivery, between named persons and for named objectives only",
        "persons and objectives named in regulations",
        date(2018, 5, 1),
        confirmed=False,
    ),
    _act(
        "ha1996-s213b",
        "Housing Act 1996, section 213B",
        "referral of a person who may be homeless to a housing authority of that person's choice",
        "specified public authorities in England",
        date(2018, 10, 1),
        consent=True,
    ),
    _act(
        "hsca2012-s251b",
        "Health and Social Care Act 2012, section 251B",
        "the duty to share information for a person's direct care",
        "health and adult social care commissioners and providers",
        date(2015, 10, 1),
        confirmed=False,
    ),
    _act(
        "wra2012-s130-131",
        "Welfare Reform Act 2012, sections 130 and 131",
        "social-security information for welfare services",
        "the Secretary of State, local authorities and others prescribed",
        date(2012, 5, 8),
        confirmed=False,
    ),
)

_LIMITS = (
    _act(
        "ssaa1992-s123",
        "Social Security Administration Act 1992, section 123",
        "the offence of disclosing social-security information without authority",
        "binds those who hold or held it",
        date(1992, 7, 1),
        part=LegalPart.SAFEGUARD,
        confirmed=False,
    ),
    _act(
        "dpa2018-s164a",
        "Data Protection Act 2018, section 164A",
        "the duty to help people complain, and to answer",
        "binds every controller",
        date(2026, 6, 19),
        part=LegalPart.SAFEGUARD,
    ),
    _act(
        "confidentiality.consent",
        "the person's consent to set confidentiality aside",
        "disclosure of confidential information with consent",
        _ANYONE,
        date(1997, 12, 1),
        part=LegalPart.CONFIDENTIALITY,
        consent=True,
        source="Common law of confidence; the Caldicott principles",
    ),
    _act(
        "confidentiality.statute",
        "a statute that sets confidentiality aside",
        "disclosure of confidential information that a statute requires or permits",
        _ANYONE,
        date(1997, 12, 1),
        part=LegalPart.CONFIDENTIALITY,
        source="Common law of confidence; the Caldicott principles",
    ),
    _act(
        "confidentiality.overriding-public-interest",
        "an overriding public interest that sets confidentiality aside",
        "disclosure of confidential information to prevent serious harm",
        _ANYONE,
        date(1997, 12, 1),
        part=LegalPart.CONFIDENTIALITY,
        source="Common law of confidence; the Caldicott principles",
    ),
)

REGISTER: tuple[LegalEntry, ...] = (*_BASES, *_CHILDREN, *_ADULTS_AND_PLACES, *_LIMITS)
"""Every entry, in the order in which a sentence about them reads best."""
