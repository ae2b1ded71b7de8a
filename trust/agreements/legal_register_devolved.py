"""Entries of the legal register for Wales, Scotland and Northern Ireland; counsel has confirmed none of them yet."""

from dataclasses import replace
from datetime import date

from trust.agreements.legal_entry import (
    COUNCILS,
    COUNCILS_AND_ASKED,
    COUNCILS_AND_PARTNERS,
    POLICE_FORCES,
    Commencement,
    Law,
    UkNation,
    exclusive,
)

_LISTED = "councils, police, health boards and other public bodies listed"
_PARTNERS = "relevant partners of local authorities"
_WELL_BEING_ACT = Law(
    name="Social Services and Well-being (Wales) Act 2014,",
    enacted=date(2014, 5, 1),
    on=date(2016, 4, 6),
    confirmed=False,
    extent=frozenset({UkNation.WALES}),
)
_CHILDREN_ACT_2004_WALES = Law(
    name="Children Act 2004,",
    enacted=date(2004, 11, 15),
    on=date(2006, 9, 1),
    by="SI 2006/885 (W. 85)",
    confirmed=False,
    extent=_WELL_BEING_ACT.extent,
)

WALES = (
    _WELL_BEING_ACT.entry(
        "sswbwa2014-s21", "section 21", "assessment of a child's needs for care and support", COUNCILS
    ),
    _WELL_BEING_ACT.entry(
        "sswbwa2014-s126", "section 126", "enquiries where an adult may be at risk of abuse or neglect", COUNCILS
    ),
    _WELL_BEING_ACT.entry(
        "sswbwa2014-s128", "section 128", "the duty to report an adult who may be at risk", _PARTNERS
    ),
    _WELL_BEING_ACT.entry("sswbwa2014-s130", "section 130", "the duty to report a child who may be at risk", _PARTNERS),
    _WELL_BEING_ACT.entry(
        "sswbwa2014-s164",
        "section 164",
        "co-operation with a local authority, and information that it asks for",
        COUNCILS_AND_PARTNERS,
    ),
    _CHILDREN_ACT_2004_WALES.entry(
        "ca2004-s25", "section 25", "co-operation to improve the well-being of children in Wales", COUNCILS_AND_PARTNERS
    ),
    replace(_CHILDREN_ACT_2004_WALES, on=date(2006, 10, 1)).entry(
        "ca2004-s28",
        "section 28",
        "functions discharged with regard to children's safety and welfare in Wales",
        "local authorities, police, health bodies and others listed",
    ),
    Law(
        name="Housing (Wales) Act 2014,",
        enacted=date(2014, 9, 17),
        on=date(2015, 4, 27),
        confirmed=False,
        extent=_WELL_BEING_ACT.extent,
    ).entry(
        "hwa2014-s95",
        "section 95",
        "co-operation and information to prevent homelessness",
        "local housing authorities and those they ask",
    ),
)

_SCOTLAND = frozenset({UkNation.SCOTLAND})
_CHILDREN_1995 = Law(
    name="Children (Scotland) Act 1995,",
    enacted=date(1995, 7, 19),
    on=date(1997, 4, 1),
    confirmed=False,
    extent=_SCOTLAND,
)
_HEARINGS_2011 = Law(
    name="Children's Hearings (Scotland) Act 2011,",
    enacted=date(2011, 1, 6),
    on=date(2013, 6, 24),
    confirmed=False,
    extent=_SCOTLAND,
)
_ADULT_SUPPORT_2007 = Law(
    name="Adult Support and Protection (Scotland) Act 2007,",
    enacted=date(2007, 3, 21),
    on=date(2008, 10, 29),
    by="SSI 2008/314",
    confirmed=False,
    extent=_SCOTLAND,
)

SCOTLAND = (
    _CHILDREN_1995.entry(
        "csa1995-s21", "section 21", "help that a local authority may ask of others", COUNCILS_AND_ASKED
    ),
    _CHILDREN_1995.entry("csa1995-s22", "section 22", "services for children in need and their families", COUNCILS),
    _HEARINGS_2011.entry(
        "chsa2011-s60",
        "section 60",
        "the duty to tell the Principal Reporter of a child in need of protection",
        COUNCILS,
    ),
    _HEARINGS_2011.entry(
        "chsa2011-s61",
        "section 61",
        "a constable's duty to tell the Principal Reporter of a child in need of protection",
        POLICE_FORCES,
    ),
    _ADULT_SUPPORT_2007.entry("aspsa2007-s4", "section 4", "inquiries where an adult may be at risk of harm", COUNCILS),
    _ADULT_SUPPORT_2007.entry(
        "aspsa2007-s5", "section 5", "co-operation, and the duty to report an adult at risk of harm", _LISTED
    ),
    Law(
        name="Management of Offenders etc. (Scotland) Act 2005,",
        enacted=date(2005, 12, 8),
        commencements=(
            Commencement(on=date(2007, 4, 2), purpose=f"{_LISTED}, about sexual offenders"),
            Commencement(on=date(2008, 4, 30), purpose=f"{_LISTED}, about restricted patients"),
            Commencement(on=date(2016, 3, 31), purpose=f"{_LISTED}, about others who pose a risk of serious harm"),
        ),
        confirmed=False,
        extent=_SCOTLAND,
    ).entry("mosa2005-s10", "section 10", "multi-agency public protection arrangements in Scotland", _LISTED),
    Law(
        name="Children and Young People (Scotland) Act 2014,",
        enacted=date(2014, 3, 27),
        commencements=(Commencement(on=None, by="an order of the Scottish Ministers"),),
        confirmed=False,
        extent=_SCOTLAND,
        source="Children and Young People (Scotland) Act 2014, section 26; never brought into force, and held to be "
        "outside competence in Christian Institute v Lord Advocate [2016] UKSC 51",
    ).entry(
        "cypsa2014-s26",
        "section 26",
        "information for and from the named person of a child",
        "named person services and relevant authorities",
    ),
    Law(
        name="Housing (Scotland) Act 2025,",
        enacted=date(2025, 11, 6),
        commencements=(Commencement(on=None, purpose=_LISTED, by="regulations of the Scottish Ministers"),),
        confirmed=False,
        extent=_SCOTLAND,
    ).entry("hsa2025-s52", "section 52", "asking about a person's housing and acting to prevent homelessness", _LISTED),
)

_TRUSTS = "Health and Social Care trusts"
_ORDER_1995 = Law(
    name="Children (Northern Ireland) Order 1995,",
    enacted=date(1995, 3, 15),
    on=date(1996, 11, 4),
    confirmed=False,
    extent=frozenset({UkNation.NORTHERN_IRELAND}),
)

NORTHERN_IRELAND = (
    _ORDER_1995.entry("cnio1995-art18", "article 18", "services for children in need and their families", _TRUSTS),
    _ORDER_1995.entry(
        "cnio1995-art46",
        "article 46",
        "help that a trust may ask of other authorities",
        f"{_TRUSTS} and those they ask",
    ),
    _ORDER_1995.entry(
        "cnio1995-art66",
        "article 66",
        "enquiries where a child may be suffering significant harm",
        f"{_TRUSTS} and those they ask",
    ),
    exclusive(
        Law(
            name="Domestic Abuse and Civil Proceedings Act (Northern Ireland) 2021,",
            enacted=date(2021, 3, 1),
            on=date(2022, 4, 1),
            by="SR 2022/146",
            confirmed=False,
            extent=_ORDER_1995.extent,
        ).entry(
            "dacpania2021-s26",
            "section 26",
            "telling a child's school of a domestic-abuse incident",
            POLICE_FORCES,
        )
    ),
)
