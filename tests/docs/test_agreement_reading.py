"""Nothing of an agreement is left out where a signatory reads it: every field has its passage."""

from dataclasses import fields

from trust.agreements.agreement import Agreement
from trust.agreements.clause import Clause, Existence, Onward
from trust.agreements.reading import CLAUSE_PASSAGES, CONSENT, EXISTENCE, ONWARD, PASSAGES
from trust.exchange.consent import ConsentRole
from trust.exchange.kinds import KINDS


def test_every_field_of_an_agreement_is_read_out_once() -> None:
    read = [name for passage in PASSAGES for name in passage.fields]
    assert sorted([*read, "clauses"]) == sorted(field.name for field in fields(Agreement) if field.init)


def test_every_field_of_a_clause_is_read_out_once() -> None:
    read = [name for passage in CLAUSE_PASSAGES for name in passage.fields]
    assert sorted([*read, "id"]) == sorted(field.name for field in fields(Clause))


def test_every_word_of_a_closed_vocabulary_has_a_sentence() -> None:
    for words, vocabulary in (
        (EXISTENCE, Existence),
        (ONWARD, Onward),
        (CONSENT, ConsentRole),
    ):
        assert set(words) == set(vocabulary)
    for clause_list in (each for kind in KINDS.values() for each in kind.clause_lists):
        for word in clause_list.words or ("any",):
            assert clause_list.passage(frozenset({word}))
