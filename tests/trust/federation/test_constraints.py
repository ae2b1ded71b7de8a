"""What a superior limits is kept, and a limit that we do not know refuses."""

import pytest

from tests.trust.federation.members import ANCHOR_KEY, COUNCIL, about_claims, statement, verified
from trust.errors import ChainRefused, MalformedClaims
from trust.federation.constraints import check_constraints


@pytest.mark.parametrize("constraints", [{}, {"max_path_length": 0}, {"max_path_length": 3}])
def test_a_path_within_its_length_is_accepted(constraints: dict[str, object]) -> None:
    check_constraints(constraints, intermediates=0)
    assert verified(about=statement(ANCHOR_KEY, about_claims(constraints=constraints))).entity_id == COUNCIL


def test_a_longer_path_is_refused() -> None:
    check_constraints({"max_path_length": 1}, intermediates=1)
    with pytest.raises(ChainRefused, match="max_path_length"):
        check_constraints({"max_path_length": 0}, intermediates=1)


@pytest.mark.parametrize("length", [-1, True, "0", None, 1.5])
def test_a_length_is_a_whole_number(length: object) -> None:
    with pytest.raises(MalformedClaims):
        check_constraints({"max_path_length": length}, intermediates=0)


@pytest.mark.parametrize("name", ["naming_constraints", "allowed_entity_types", "made_up"])
def test_a_limit_that_we_do_not_know_is_never_overlooked(name: str) -> None:
    with pytest.raises(ChainRefused, match=name):
        verified(about=statement(ANCHOR_KEY, about_claims(constraints={"max_path_length": 1, name: []})))
