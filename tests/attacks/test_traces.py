"""Two agencies cannot join what each of them learns of one lookup (decision 28)."""

import json
from pathlib import Path

from tests.simulator.network import Network
from tests.simulator.peer_hand import claims_in
from tests.simulator.town import BY_ENTITY, COUNCIL, POLICE, TRUST

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
# What is in force between all three, and when; every other value is one person's or one question's.
_SHARED_BY_DESIGN = {
    "agreement",
    "aud",
    "basis",
    "exp",
    "from_service",
    "iat",
    "iss",
    "kind",
    "purpose",
    "subject",
    "v",
}


def test_two_agencies_cannot_join_their_questions_by_what_the_headers_or_the_message_say(tmp_path: Path) -> None:
    network = Network(tmp_path, [BY_ENTITY[entity] for entity in (COUNCIL, TRUST, POLICE)])
    try:
        network.agree()
        client = network.case_client()
        answer = client.http.post(
            "/case/v1/lookups",
            base_url=client.base_url,
            json=client.body(wait_s=20.0),
            headers=client.headers(
                **{"Idempotency-Key": "joined-by-nobody", "traceparent": f"00-{TRACE}-{'1' * 16}-01"}
            ),
        )
        assert answer.get_json()["summary"].startswith("5 of 5")
        [(to_trust, _)], [(to_police, _)] = network.wire.messages(TRUST), network.wire.messages(POLICE)
        traces = [request.headers["traceparent"] for request in (to_trust, to_police)]
        assert traces[0].split("-")[1] != traces[1].split("-")[1]
        assert not [trace for trace in traces if TRACE in trace]
        one, other = claims_in(to_trust.body), claims_in(to_police.body)
        common = {name for name in one.keys() & other.keys() if one[name] == other[name]} - _SHARED_BY_DESIGN
        assert common <= {"body"}
        assert one["practitioner"]["sub"] != other["practitioner"]["sub"]
        assert TRACE not in json.dumps([request.body.decode() for request, _ in network.wire.log])
        assert not [request for request, _ in network.wire.log if TRACE in str(request.headers)]
    finally:
        network.close()
