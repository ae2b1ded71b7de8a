"""A draft of the data protection impact assessment (UK GDPR Article 35), with gaps for a person.

It states what the agreement and the gateway say. Consultation, scores and the decision are a person's.
"""

from gateway.agreements.rendering.document import Block, Bullets, Document, Gap, Heading, Paragraph, TextTable
from trust.agreements.agreement import Agreement
from trust.agreements.reading import cited_entries, in_words

_RISKS = (
    ("The wrong person is found", "One record beyond doubt, or a person decides; a twin or namesake is never linked."),
    ("The wrong agency is told", "Each message is signed, addressed, encrypted and decided by a clause at both ends."),
    ("More is shared than needed", "Each role has its own fields; both ends cut the rest."),
    ("A place of safety becomes known", "Fields that reveal where a restricted person lives are cut together."),
    (
        "It becomes known that a person is known to a service",
        "Under a conditional clause silence and absence are alike.",
    ),
    ("An answer is kept or passed on too long", "Each answer carries its last day and how far it may be passed on."),
    ("A member of staff looks without need", "Each lookup has a purpose and a case, is recorded, limited and sampled."),
    ("An alert is lost", "A message is stored before it is sent, repeated until it is receipted, and escalated."),
)


def impact_assessment(agreement: Agreement) -> Document:
    """Return the draft."""
    blocks: list[Block] = [*_need(agreement), *_processing(agreement), *_necessity(agreement), *_risks()]
    return Document(
        title=f"Data protection impact assessment: {agreement.title}",
        blocks=tuple(blocks),
        notes=(
            "Draft written from the agreement. It is no assessment until each gap is completed and a person signs it.",
        ),
    )


def _need(agreement: Agreement) -> list[Block]:
    return [
        Heading(text="1. Why an assessment is needed"),
        Paragraph(
            text=f"{len(agreement.parties)} controllers share data about people who may be vulnerable, among them "
            "data of special categories and on a large scale as the case may be (UK GDPR Article 35(3))."
        ),
        *_words_list(agreement.benefits, f"Reference: {agreement.dpia_reference}" if agreement.dpia_reference else ""),
        Gap(text="Whether all parties rely on this one assessment, and who owns it."),
    ]


def _processing(agreement: Agreement) -> list[Block]:
    clauses = tuple(
        (
            clause.id,
            clause.kind,
            str(len(clause.askers)),
            str(len(clause.holders)),
            ", ".join(sorted(frozenset().union(*clause.fields_by_role.values()))),
            f"{clause.keep_days} days",
        )
        for clause in agreement.clauses
    )
    columns = ("Clause", "Exchange", "Services that ask or send", "Services that answer or receive", "Fields", "Kept")
    return [
        Heading(text="2. The processing"),
        Bullets(items=(*(purpose.description for purpose in agreement.purposes), *agreement.items)),
        TextTable(caption="Flows", columns=columns, rows=clauses),
        Paragraph(
            text=f"It runs from {in_words(agreement.valid_from)} to {in_words(agreement.valid_until)}, and is "
            f"reviewed by {in_words(agreement.review_date)}."
        ),
        Gap(text="How many people it concerns in a year, of which ages, and in which area."),
        Heading(text="3. Consultation"),
        Gap(text="Views of the people concerned or of those who speak for them, of staff and of processors."),
        Gap(text="Advice of each party's data protection officer, with its day."),
    ]


def _necessity(agreement: Agreement) -> list[Block]:
    laws = tuple(f"{entry.title} ({entry.power})" for entry in cited_entries(agreement))
    doubtful = tuple(entry.title for entry in cited_entries(agreement) if not entry.confirmed)
    blocks: list[Block] = [
        Heading(text="4. Necessity and proportionality"),
        Bullets(items=laws),
        *_words_list(agreement.individuals_informed, agreement.consent_text, agreement.rights, agreement.retention),
        Gap(text="Why the purpose cannot be reached with less data, or without sharing."),
    ]
    if doubtful:
        blocks.append(Gap(text=f"Counsel's confirmation of {', '.join(doubtful)}."))
    return blocks


def _risks() -> list[Block]:
    rows = tuple((risk, measure, "", "", "") for risk, measure in _RISKS)
    columns = ("Risk", "What the gateway does", "Likelihood", "Severity", "What remains")
    return [
        Heading(text="5. Risks and measures"),
        TextTable(caption="Risks", columns=columns, rows=rows),
        Gap(text="Likelihood, severity and remaining risk of each row, and the risks of this area that are not in it."),
        Heading(text="6. Outcome"),
        Gap(
            text="Who approved the measures and accepted the remaining risks, in which post and when, and whether "
            "the regulator is consulted."
        ),
    ]


def _words_list(*words: str) -> tuple[Bullets, ...]:
    """Return what is stated; a schedule may leave words to its overarching agreement."""
    items = tuple(each for each in words if each)
    return (Bullets(items=items),) if items else ()
