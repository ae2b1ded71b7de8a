"""Unreadable values are counted by column and cause; keys are opaque, and the same whichever type they have."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import CellFault, InvolvementRow, RecordUnreadable
from adapters.sources.fields import FieldFault
from adapters.sources.rows import (
    PersonRow,
    Quarantine,
    candidates,
    current_involvements,
    read_ref,
    sample_line,
    write_ref,
)
from adapters.sources.text import Unreadable
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


@pytest.mark.parametrize(
    ("key", "same"),
    [
        (17, "17"),
        ("T7", "T7      "),
        ("T7", "\u00a0T7"),
        (7, 7.0),
        (7, Decimal("7.00")),
        ("é", "é".encode("cp1252")),
        (UUID(int=7), str(UUID(int=7))),
        (date(2001, 2, 3), "2001-02-03"),
    ],
)
def test_a_key_is_the_same_whichever_type_it_has(key: object, same: object) -> None:
    assert read_ref(write_ref([key])) == read_ref(write_ref([same]))


@pytest.mark.parametrize("key", [None, "", "  ", True, 7.5, ["x"]])
def test_what_is_no_key_is_unreadable(key: object) -> None:
    with pytest.raises(Unreadable):
        write_ref([key])
    with pytest.raises(Unreadable):
        write_ref([1, key])


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip), min_size=1, max_size=4))
def test_a_key_of_several_parts_comes_back_as_it_was(parts: list[str]) -> None:
    try:
        written = write_ref(parts)
    except Unreadable:
        return
    assert len(read_ref(written)) == len(parts)
    assert write_ref(read_ref(written)) == written or len(parts) == 1


@pytest.mark.parametrize(
    "ref", ["", "x", "number:", "number:x", "number:9" + "9" * 5000, "text:", "parts:[1", "parts:[]"]
)
def test_a_key_that_was_never_given_out_is_harmless(ref: str) -> None:
    assert read_ref(ref) is not None


def test_a_sample_is_counted() -> None:
    assert sample_line({}, 2).ok
    line = sample_line({CellFault(part="persons", column="dob", cause="is not a date"): 1}, 2)
    assert not line.ok
    assert line.detail == (
        "1 values in the 2 person records looked at cannot be read and are left out: dob is not a date (1)."
    )
