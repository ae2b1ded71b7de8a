"""Unreadable values are counted by column and cause, and a row that may be current is never taken for none."""

from datetime import date

import pytest

from adapters.contract import CellFault, InvolvementRow, RecordUnreadable
from adapters.sources.fields import FieldFault
from adapters.sources.rows import (
    PersonRow,
    Quarantine,
    candidates,
    current_involvements,
    sample_line,
)
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject

NO_DAY = FieldFault(field="birth_date", cause="is not a date")
WORKER = Involvement(worker="Jo Bell")


def test_faults_are_counted_by_column_and_cause() -> None:
    quarantine = Quarantine(lambda part, field: f"{part}.{field}")
    (fault,) = quarantine.add("persons", [NO_DAY])
    assert quarantine.add("persons", []) == ()
    assert fault == CellFault(part="persons", column="persons.birth_date", cause="is not a date")
    assert quarantine.count == 1


def test_a_record_names_what_no_row_about_it_could_tell() -> None:
    rows = [
        PersonRow(ref="1", person=Subject(nhs_number="1"), faults=(NO_DAY,)),
        PersonRow(ref="2", person=Subject(nhs_number="2"), faults=(NO_DAY,)),
        PersonRow(ref="2", person=Subject(birth_date=date(2001, 2, 3))),
        PersonRow(ref=None, person=Subject(nhs_number="3"), faults=(FieldFault(field="ref", cause="is missing"),)),
        PersonRow(ref=None, person=Subject(nhs_number="3"), faults=(FieldFault(field="ref", cause="is missing"),)),
    ]
    one, two, *without_key = candidates(rows, verified=False)
    assert one.unreadable == {"birth_date"}
    assert not two.unreadable
    assert [each.unreadable for each in without_key] == [{"ref"}, {"ref"}]
    assert len({each.ref for each in without_key}) == 2


class TestCurrentInvolvements:
    CURRENT = InvolvementRow(involvement=WORKER, current=True)
    ENDED = InvolvementRow(involvement=WORKER, current=False, why_not="it has ended")
    DOUBTFUL = InvolvementRow(involvement=None, current=False, why_not="ended is not a date")

    def test_an_unreadable_row_costs_no_other(self) -> None:
        assert current_involvements([self.CURRENT, self.DOUBTFUL]) == (WORKER,)

    def test_none_current_is_an_empty_answer(self) -> None:
        assert current_involvements([self.ENDED]) == ()

    @pytest.mark.holds("A74")
    def test_a_row_that_may_be_current_is_never_taken_for_none(self) -> None:
        with pytest.raises(RecordUnreadable, match="ended is not a date"):
            current_involvements([self.ENDED, self.DOUBTFUL])


def test_a_sample_is_counted() -> None:
    assert sample_line({}, 2).ok
    line = sample_line({CellFault(part="persons", column="dob", cause="is not a date"): 1}, 2)
    assert not line.ok
    assert line.detail == (
        "1 values in 2 sampled person records cannot be read and are left out: dob is not a date (1)."
    )
