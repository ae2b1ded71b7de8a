"""Whatever an attacker mixes, the directory trusts nobody whom the oracle does not, and recovers when he stops."""

from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from tests.simulator.attack import EXAMPLES, MANY, Attack


def test_no_attack_makes_the_directory_trust_whom_nobody_vouches_for(migrated: Path) -> None:
    Attack.migrated = migrated
    run_state_machine_as_test(
        Attack,
        settings=settings(
            max_examples=EXAMPLES,
            derandomize=EXAMPLES < MANY,
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
        ),
    )
