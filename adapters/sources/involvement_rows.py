"""Reader of one row about an involvement, current or not."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.contract import InvolvementRow
from adapters.sources.days import DayForms, has_ended
from adapters.sources.fields import Defaults, FieldFault, RowReader, read_involvement_row
from adapters.sources.settings import Statuses, is_current_status


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """The settings that decide whether an involvement is current."""

    forms: DayForms
    current_statuses: Statuses = ()
    ended_statuses: Statuses = ()


def read_row(
    values: Mapping[str, object], defaults: Defaults, currency: Currency
) -> tuple[InvolvementRow, tuple[FieldFault, ...]]:
    """Return a row, current or not, and its unreadable fields.

    A row with an unreadable end or status is left out. Any other unreadable field is left out alone.
    """
    involvement, faults = read_involvement_row(values, defaults, currency.forms)
    reader = RowReader(values, currency.forms)
    ended = reader.read("ended", lambda value: has_ended(value, currency.forms.for_field("ended")))
    status = reader.text("status")
    faults = (*faults, *reader.faults)
    if reader.faults:
        return InvolvementRow(involvement=None, current=False, why_not=str(reader.faults[0])), faults
    if ended:
        return InvolvementRow(involvement=involvement, current=False, why_not="it has ended"), faults
    has_statuses = bool(currency.current_statuses or currency.ended_statuses)
    if has_statuses and not is_current_status(status, currency.current_statuses, currency.ended_statuses):
        return InvolvementRow(involvement=involvement, current=False, why_not="its status is not a current one"), faults
    return InvolvementRow(involvement=involvement, current=True), faults
