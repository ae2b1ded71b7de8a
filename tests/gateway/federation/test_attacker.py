"""For any mix of attacks the resolver trusts no entity that the oracle does not, and recovers afterwards."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from tests.simulator.attack import EXAMPLES, MANY, Attack


def test_no_attack_makes_the_resolver_trust_an_unknown_entity() -> None:
    run_state_machine_as_test(
        Attack,
        settings=settings(
            max_examples=EXAMPLES,
            derandomize=EXAMPLES < MANY,
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
        ),
    )
