"""Check of this node's plays against the agreements in force."""

from config.plays import load_plays
from config.settings import NodeSettings
from gateway.administration.context import now, opened_store, own_entity
from gateway.administration.outcome import UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from gateway.plays.check import PlayFault, check_play
from gateway.plays.kinds import STEP_KINDS
from trust.agreements.agreement import InForce, NotInForce
from trust.identifiers import ServiceSlug

Standings = tuple[InForce | NotInForce, ...]


def check_plays(settings: NodeSettings) -> UseCaseResult:
    """Check every play of the folder. Raises ``ConfigError`` with every fault of the files themselves."""
    folder = settings.base_dir / settings.plays.directory
    plays = load_plays(folder)
    if not plays:
        return UseCaseResult(lines=[f"There is no play in {settings.plays.directory}."], data={"plays": []})
    with opened_store(settings) as store:
        standings = AgreementRegistry(store, own=own_entity(settings)).standings(now=now())
    faults = play_faults(settings, standings)
    return UseCaseResult(
        lines=[line for play in plays for line in _lines(play.id, len(play.steps), faults[play.id])],
        data={
            "plays": [
                {"id": name, "faults": [{"step": each.step, "problem": each.problem} for each in problems]}
                for name, problems in faults.items()
            ]
        },
        ok=not any(faults.values()),
    )


def play_faults(settings: NodeSettings, standings: Standings) -> dict[str, tuple[PlayFault, ...]]:
    """Return what the agreements do not permit of each play, by its id. Raises as :func:`check_plays`."""
    own, hosted = own_entity(settings), [ServiceSlug(service.slug) for service in settings.services]
    return {
        play.id: check_play(play, STEP_KINDS, own=own, hosted=hosted, standings=standings)
        for play in load_plays(settings.base_dir / settings.plays.directory)
    }


def _lines(play: str, steps: int, faults: tuple[PlayFault, ...]) -> list[str]:
    if not faults:
        return [f"{play}: the agreements in force permit all {steps} steps."]
    return [f"{play}: not every step could be sent.", *(f"  {each.step or play}: {each.problem}" for each in faults)]
