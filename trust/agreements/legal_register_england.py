"""Entries of the legal register for England, and those that it shares with Wales or with Great Britain."""

from dataclasses import replace
from datetime import date

from trust.agreements.legal_entry import (
    COUNCILS,
    COUNCILS_AND_ASKED,
    COUNCILS_AND_PARTNERS,
    ENGLAND_AND_WALES,
    GREAT_BRITAIN,
    NO_BODY,
    POLICE_FORCES,
    PUBLIC,
    Commencement,
    Law,
    UkNation,
    exclusive,
    with_consent,
)

_ENGLAND = frozenset({UkNation.ENGLAND})
_RELEVANT_BODIES = "relevant bodies"
_CHILDREN_ACT_1989 = Law(
    name="Children Act 1989,",
    enacted=date(1989, 11, 16),
    on=date(1991, 10, 14),
    by="SI 1991/828",
    extent=_ENGLAND,
    source="Children Act 1989, Part 3; in Wales replaced by the Social Services and Well-being (Wales) Act 2014 from "
    "6 April 2016",
)
_CHILDREN_ACT_2004 = Law(name="Children Act 2004,", enacted=date(2004, 11, 15), on=date(2005, 4, 1), extent=_ENGLAND)
_SAFEGUARDING_PARTNERS = "safeguarding partners and relevant agencies"
_INSERTED_2017 = Law(
    name="Children Act 2004,",
    enacted=date(2017, 4, 27),
    commencements=(
        Commencement(
            on=date(2018, 3, 19),
            purpose="the Secretary of State, to make regulations",
            bodies=NO_BODY,
            by="SI 2018/346",
        ),
        Commencement(on=date(2018, 6, 29), purpose=_SAFEGUARDING_PARTNERS, by="SI 2018/497"),
    ),
    extent=_ENGLAND,
    source="Children Act 2004, section 16E, inserted by the Children and Social Work Act 2017, section 16",
)
_INSERTED_2026 = Law(
    name="Children Act 2004,",
    enacted=date(2026, 4, 29),
    commencements=(
        Commencement(
            on=date(2026, 4, 29),
            purpose="the Secretary of State, to make regulations",
            bodies=NO_BODY,
            by="Children's Wellbeing and Schools Act 2026, section 78(1)(a)",
        ),
        Commencement(
            on=None,
            purpose=_RELEVANT_BODIES,
            by="regulations under the Children's Wellbeing and Schools Act 2026, section 78(5)",
            announced=date(2026, 9, 30),
        ),
    ),
    confirmed=False,
    extent=_ENGLAND,
    source="Children Act 2004, sections 16LA to 16LC, inserted by the Children's Wellbeing and Schools Act 2026 "
    "(c. 21), section 4; Royal Assent 29 April 2026; a letter to safeguarding partners names 30 September 2026, and no "
    "commencement regulations are known here",
)

CHILDREN = (
    _CHILDREN_ACT_1989.entry("ca1989-s17", "section 17", "services for children in need and their families", COUNCILS),
    _CHILDREN_ACT_1989.entry(
        "ca1989-s27", "section 27", "help that a local authority may ask of other authorities", COUNCILS_AND_ASKED
    ),
    replace(_CHILDREN_ACT_1989, extent=ENGLAND_AND_WALES, source="").entry(
        "ca1989-s47", "section 47", "enquiries where a child may be suffering significant harm", COUNCILS_AND_ASKED
    ),
    _CHILDREN_ACT_2004.entry(
        "ca2004-s10", "section 10", "co-operation to improve the well-being of children", COUNCILS_AND_PARTNERS
    ),
    replace(_CHILDREN_ACT_2004, on=date(2005, 10, 1)).entry(
        "ca2004-s11",
        "section 11",
        "functions discharged with regard to children's safety and welfare",
        "local authorities, police, health bodies and others listed",
    ),
    _INSERTED_2017.entry(
        "ca2004-s16e", "section 16E", "local arrangements of the safeguarding partners", _SAFEGUARDING_PARTNERS
    ),
    _INSERTED_2026.entry(
        "ca2004-s16la",
        "section 16LA",
        "the duty to disclose what may help another body safeguard or promote the welfare of a child",
        _RELEVANT_BODIES,
    ),
    Law(
        name="Domestic Abuse Act 2021,",
        enacted=date(2021, 4, 29),
        on=date(2022, 1, 31),
        by="SI 2022/73",
        confirmed=False,
        extent=ENGLAND_AND_WALES,
    ).entry("daa2021-s3", "section 3", "children who see, hear or feel domestic abuse as victims of it", PUBLIC),
    exclusive(
        Law(
            name="Domestic Abuse Act 2021,",
            enacted=date(2024, 5, 24),
            on=date(2025, 11, 7),
            by="SI 2025/1168, regulation 2",
            extent=ENGLAND_AND_WALES,
            source="Domestic Abuse Act 2021, section 49A, inserted by the Victims and Prisoners Act 2024, section 20; "
            "in force from 7 November 2025 by SI 2025/1168",
        ).entry(
            "daa2021-s49a",
            "section 49A (Operation Encompass)",
            "telling a child's school of a domestic-abuse incident",
            POLICE_FORCES,
        )
    ),
)

_CARE_ACT = Law(
    name="Care Act 2014,",
    enacted=date(2014, 5, 14),
    on=date(2015, 4, 1),
    by="SI 2015/993",
    confirmed=False,
    extent=_ENGLAND,
)

ADULTS_AND_PLACES = (
    _CARE_ACT.entry(
        "careact2014-s6",
        "section 6",
        "general co-operation about adults with care needs",
        COUNCILS_AND_PARTNERS,
    ),
    _CARE_ACT.entry("careact2014-s7", "section 7", "co-operation in an individual case", COUNCILS_AND_PARTNERS),
    _CARE_ACT.entry(
        "careact2014-s42", "section 42", "enquiries where an adult may be at risk of abuse or neglect", COUNCILS
    ),
    _CARE_ACT.entry(
        "careact2014-s45",
        "section 45",
        "information that a safeguarding adults board requests",
        "persons that a safeguarding adults board asks",
    ),
    Law(
        name="Crime and Disorder Act 1998,",
        enacted=date(1998, 7, 31),
        on=date(1998, 9, 30),
        by="SI 1998/2327",
        extent=ENGLAND_AND_WALES,
    ).entry(
        "cda1998-s115",
        "section 115",
        "the power, not a duty, to disclose to relevant authorities for the purposes of the Act",
        "anyone disclosing to police, councils, probation, health bodies or registered social landlords",
    ),
    Law(
        name="Criminal Justice Act 2003,",
        enacted=date(2003, 11, 20),
        on=date(2004, 4, 5),
        by="SI 2004/829",
        confirmed=False,
        extent=ENGLAND_AND_WALES,
    ).entry(
        "cja2003-s325",
        "section 325",
        "multi-agency public protection arrangements",
        "responsible authorities and those with a duty to co-operate",
    ),
    Law(name="Digital Economy Act 2017,", enacted=date(2017, 4, 27), on=date(2018, 5, 1), confirmed=False).entry(
        "dea2017-part5",
        "Part 5",
        "public service delivery, between named persons and for named objectives only",
        "persons and objectives named in regulations",
    ),
    with_consent(
        Law(
            name="Housing Act 1996,",
            enacted=date(2017, 4, 27),
            on=date(2018, 10, 1),
            by="SI 2018/167",
            extent=_ENGLAND,
            source="Housing Act 1996, section 213B, inserted by the Homelessness Reduction Act 2017, section 10",
        ).entry(
            "ha1996-s213b",
            "section 213B",
            "referral of a person who may be homeless to a housing authority of that person's choice",
            "specified public authorities in England",
        )
    ),
    Law(
        name="Health and Social Care Act 2012,",
        enacted=date(2015, 3, 26),
        on=date(2015, 10, 1),
        confirmed=False,
        extent=_ENGLAND,
        source="Health and Social Care Act 2012, section 251B, inserted by the Health and Social Care (Safety and "
        "Quality) Act 2015, section 3",
    ).entry(
        "hsca2012-s251b",
        "section 251B",
        "the duty to share information for a person's direct care",
        "health and adult social care commissioners and providers",
    ),
    Law(
        name="Welfare Reform Act 2012,",
        enacted=date(2012, 3, 8),
        on=date(2012, 5, 8),
        by="its section 150(2)",
        confirmed=False,
        extent=GREAT_BRITAIN,
    ).entry(
        "wra2012-s130-131",
        "sections 130 and 131",
        "social-security information for welfare services",
        "the Secretary of State, local authorities and others prescribed",
    ),
)
