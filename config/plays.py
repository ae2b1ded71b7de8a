"""Plays: files that say who gets what of an incident, in which order, and what happens if the adult victim says no.

1. One TOML file in the folder of plays is one play; its name is the play's id and ``.toml``.
2. A step is one message to one service. It takes from the incident only the persons and fields that it lists.
3. A play permits nothing: the agreements are asked when it is loaded, when it is previewed and when it is sent.
"""

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from config.fields import Code, Label, Slug
from config.loading import ConfigError, read_toml, sentences
from config.tables import Frozen
from trust.errors import TrustError
from trust.exchange.message import Urgency
from trust.exchange.persons import Part
from trust.identifiers import parse_service_ref

MAX_PLAYS = 100
MAX_STEPS = 16
MAX_FIELDS = 64


class VictimSaysNo(StrEnum):
    """What happens to a step if the adult victim does not agree, or was not asked."""

    SEND = "send"
    """It is sent all the same: it does not rest on the victim's agreement."""
    DROP = "drop"
    """It is not sent."""
    SEND_WITHOUT = "send-without"
    """It is sent without the persons and fields in ``without``."""


def _service(text: str) -> str:
    try:
        return str(parse_service_ref(text))
    except TrustError as refused:
        raise ValueError(refused.detail) from refused


Service = Annotated[str, AfterValidator(_service)]
FieldName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]
Fields = Annotated[dict[FieldName, FieldName], Field(max_length=MAX_FIELDS)]
Value = bool | int | str


class PlayStep(Frozen):
    """``[[steps]]``: one message.

    ``details`` and ``statements`` give, for each field of the message, the field of the incident that it is taken
    from; ``values`` gives details that are the same in every run. ``clause`` names the clause that must permit the
    step, where one is meant. ``alternate`` receives the message where an alleged perpetrator works at ``to``.
    ``because`` says why, in words for the worker.
    """

    id: Slug
    title: Label
    kind: Code
    topic: Code
    to: Service
    alternate: Service | None = None
    purpose: Code
    clause: Code | None = None
    urgency: Urgency
    persons: Annotated[tuple[Part, ...], Field(min_length=1)]
    details: Fields = Field(default_factory=dict)
    statements: Fields = Field(default_factory=dict)
    values: dict[FieldName, Value] = Field(default_factory=dict, max_length=MAX_FIELDS)
    if_victim_says_no: VictimSaysNo
    without: tuple[str, ...] = ()
    because: Label

    @property
    def fields(self) -> frozenset[str]:
        """The fields that a clause must grant for this step."""
        return frozenset({*self.details, *self.statements, *self.values, *(part.field for part in self.persons)})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        twice = [name for name, count in Counter([*self.details, *self.statements, *self.values]).items() if count > 1]
        if twice:
            raise ValueError(f"{', '.join(sorted(twice))}: each field is taken from one place")
        if bool(self.without) != (self.if_victim_says_no is VictimSaysNo.SEND_WITHOUT):
            raise ValueError('list in without what is left out, with if_victim_says_no = "send-without" and only then')
        unknown = sorted(set(self.without) - self.fields)
        if unknown:
            raise ValueError(f"without names {', '.join(unknown)}, which the step does not take")
        if self.alternate == self.to:
            raise ValueError("alternate must be another service than to")
        return self


class Play(Frozen):
    """One play. ``roles`` are those of the workers who may run it, for the service ``from_service``."""

    id: Slug
    title: Label
    summary: Label
    from_service: Slug
    roles: Annotated[tuple[Code, ...], Field(min_length=1)]
    steps: Annotated[tuple[PlayStep, ...], Field(min_length=1, max_length=MAX_STEPS)]

    @model_validator(mode="after")
    def _one_id_each(self) -> Self:
        twice = [name for name, count in Counter(step.id for step in self.steps).items() if count > 1]
        if twice:
            raise ValueError(f"steps: {', '.join(sorted(twice))} is the id of two steps")
        return self


def load_plays(folder: Path) -> tuple[Play, ...]:
    """Load the plays of a folder, by id; none where there is no folder.

    Raises :class:`ConfigError` with every fault of every file.
    """
    files = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    faults: list[str] = []
    if len(files) > MAX_PLAYS:
        faults.append(f"there are {len(files)} plays, and at most {MAX_PLAYS} are read")
    plays = [play for path in files[:MAX_PLAYS] if (play := _load(path, faults)) is not None]
    if faults:
        raise ConfigError(folder.name, faults)
    return tuple(plays)


def _load(path: Path, faults: list[str]) -> Play | None:
    try:
        play = Play.model_validate(read_toml(path))
    except ConfigError as unreadable:
        faults.extend(f"{path.name}: {fault}" for fault in unreadable.faults)
    except ValidationError as invalid:
        faults.extend(f"{path.name}: {fault}" for fault in sentences(invalid))
    else:
        if play.id == path.stem:
            return play
        faults.append(f"{path.name}: id: must be the file's name without .toml")
    return None
