"""Before the first point: six parties sign, and with one signature missing nothing flows."""

from datetime import date

from gateway.demo.agencies import AGENCIES
from gateway.demo.agreement import EARLY_HELP
from gateway.demo.federation import Federation
from gateway.demo.narrator import Narrator
from gateway.demo.people.population import Group
from gateway.demo.people.truth import Truth
from gateway.demo.story.scene import lookup_body
from trust.agreements.agreement import Agreement, parse_agreement

_FORBIDDEN = 403


def tell(narrator: Narrator, federation: Federation, truth: Truth, today: date) -> Agreement:
    """Have the agreement signed by all and held by all; return it."""
    narrator.section("An agreement, signed by each party's own key")
    document = federation.write_agreement(today)
    agreement = parse_agreement(document.read_bytes())
    narrator.say(f'"{agreement.title}" ({agreement.id} version {agreement.version}, {len(agreement.clauses)} clauses).')
    with narrator.step("six parties sign, each with its federation key"):
        *all_but_last, last = federation.sign(document).values()
    with narrator.step("each node holds the agreement with five of the six signatures"):
        said = federation.hold(document, all_but_last)
    missing = AGENCIES[-1].name
    narrator.expect(
        f"every node says that {missing} has not signed, and that nothing flows under it",
        holds=all(f"It has not been signed by {missing}." in each for each in said),
        instead=said,
    )
    body = lookup_body(truth.first(Group.YOUNG_MAN), purpose=EARLY_HELP)
    refused = federation.case_client.look_up(body)
    narrator.expect("a lookup is refused before anybody is asked", holds=refused.status == _FORBIDDEN)
    narrator.say(f"The node answers {refused.status}: {refused.document.get('detail', '')}", indent=4)
    narrator.say(f"What to do: {refused.document.get('remedy', '')}", indent=4)
    with narrator.step(f"{missing}'s signature is added at each node"):
        said = federation.hold(document, [last])
    narrator.expect(
        "every node says that the agreement is in force",
        holds=all("It is in force until" in each for each in said),
        instead=said,
    )
    with narrator.step("the anchor marks each party as a signatory; their nodes fetch the marks and show them"):
        federation.grant_signatories()
    return agreement
