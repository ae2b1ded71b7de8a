"""Check of this node's plays against the agreements in force."""

from config.plays import load_plays
from config.settings import NodeSettings
from gateway.administration.context import now, opened_store, own_entity
from gateway.administration.outcome import UseCaseResult
from gateway.agreements.registry import AgreementRegistry
from gateway.plays.check import PlayFault, check_play
from gateway.plays.kinds import STEP_KINDS
from trust.identifiers import ServiceSlug


def check_plays(settings: NodeSettings) -> UseCaseResult:
    """Check every play of the folder. Raises ``ConfigError`` with every fault of the files themselves."""
    folder = settings.base_dir / settings.plays.directory
    plays = load_plays(folder)
    if not plays:
        return UseCaseResult(lines=[f"There is no play in {settings.plays.directory}."], data={"plays": []})
    hosted = [ServiceSlug(service.slug) for service in settings.services]
    with opened_store(settings) as store:
        standings = AgreementRegistry(store).standings(now=now())
    own = own_entity(settings)
    faults = {play.id: check_play(play, STEP_KINDS, own=own, hosted=hosted, standings=standings) for play in plays}
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


def _lines(play: str, steps: int, faults: tuple[PlayFault, ...]) -> list[str]:
    if not faults:
        return [f"{play}: the agreements in force permit all {steps} steps."]
    return [f"{play}: not every step could be sent.", *(f"  {each.step or play}: {each.problem}" for each in faults)]
