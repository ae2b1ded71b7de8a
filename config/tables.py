"""The base of every table of a configuration file."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A table of the file: unknown names are faults, and nothing changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)
