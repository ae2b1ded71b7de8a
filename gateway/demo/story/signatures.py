"""Prologue: six parties sign the agreement, under which no data flows until all have signed."""

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
    """Sign the agreement as each party, add it at each node, and return it."""
    narrator.section("An agreement, signed by each party's own key")
    document = federation.write_agreement(today)
    agreement = parse_agreement(document.read_bytes())
    narrator.say(f'"{agreement.title}" ({agreement.id} version {agreement.version}, {len(agreement.clauses)} clauses).')
    with narrator.step("six parties sign, each with its federation key"):
        *all_but_last, last = federation.sign(document, AGENCIES).values()
    with narrator.step("each node adds the agreement with five of the six signatures"):
        outputs = federation.add_agreement(document, all_but_last, AGENCIES)
    last_party = AGENCIES[-1].name
    narrator.expect(
        f"every node reports that {last_party} has not signed, and that the agreement is not in force",
        holds=all(f"It has not been signed by {last_party}." in output for output in outputs),
        instead=outputs,
    )
    body = lookup_body(truth.first(Group.YOUNG_MAN), purpose=EARLY_HELP)
    response = federation.case_client.look_up(body)
    narrator.expect("the node refuses a lookup before it asks any service", holds=response.status == _FORBIDDEN)
    narrator.say(f"The node answers {response.status}: {response.document.get('detail', '')}", indent=4)
    narrator.say(f"What to do: {response.document.get('remedy', '')}", indent=4)
    with narrator.step(f"each node adds the signature of {last_party}"):
        outputs = federation.add_agreement(document, [last], AGENCIES)
    narrator.expect(
        "every node reports that the agreement is in force",
        holds=all("It is in force until" in output for output in outputs),
        instead=outputs,
    )
    with narrator.step("the anchor issues a trust mark to each signatory; the nodes fetch and publish them"):
        federation.grant_signatories(AGENCIES)
    return agreement
