"""Settings of break-glass: ``[break_glass]``."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from config.fields import Label
from config.on_call import MailSettings
from config.tables import Frozen
from trust.oauth.access_token import name_at_provider

SignInName = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
"""What the sign-in service calls a person: the claim that the provider's settings name, or the subject."""


class BreakGlassSettings(Frozen):
    """``[break_glass]``: the person who reviews each use, and that person's manager. Without them there is none.

    ``reviewer_id`` and ``manager_id`` are their ids at the agency's sign-in service, by which a review of one's own
    use is refused. ``most_unreviewed`` is how many uses of one person may wait for a review. ``mail`` tells the
    reviewer of each use at once, ``manager_mail`` the manager of each that is not reviewed in time.
    """

    reviewer: Label
    reviewer_id: SignInName
    manager: Label
    manager_id: SignInName
    most_unreviewed: Annotated[int, Field(ge=1, le=100)] = 3
    mail: MailSettings | None = None
    manager_mail: MailSettings | None = None

    @model_validator(mode="after")
    def _are_two(self) -> Self:
        if self.reviewer.casefold() == self.manager.casefold() or same_person(self.reviewer_id, self.manager_id):
            raise ValueError("reviewer and manager must be two people")
        return self


def same_person(one: str, other: str) -> bool:
    """Tell whether two ids can be one person's: with or without their provider in front (``issuer#id``)."""
    return name_at_provider(one) == name_at_provider(other)
