"""The exchange profile names the codes, fields, caps and times of the code."""

from collections.abc import Mapping
from datetime import date, timedelta

from gateway.authority import statements
from gateway.exchange.answer import NOT_OFFERED, UNAVAILABLE, UNREADABLE
from gateway.federation import chain_cache, entity_configuration, limits
from gateway.federation import freshness as stages
from gateway.federation.fetch import CONFIGURATION_PATH
from gateway.http.peer import peer_api
from gateway.misuse import queries
from gateway.oauth import errors, forms, metadata, peer_server, server
from gateway.peers import resolver, response, token_client
from gateway.store.tables import messages
from gateway.web import problem
from tests.docs.pages import codes, column, profile, profile_pages, section, table, tables
from trust import jose
from trust.agreements import agreement, clause, ending, party_call, signature
from trust.agreements.comparison import COMPARED
from trust.agreements.denial import sentences
from trust.evidence.leaf import Leaf
from trust.exchange import (
    alert,
    envelope,
    involvement,
    kind,
    kinds,
    message,
    misuse,
    notice,
    person,
    persons,
    receipt,
    referral,
    reply,
    subject_members,
)
from trust.exchange.details import BodyForm
from trust.exchange.errors import MalformedSubject, SubjectTooVague
from trust.exchange.involvement import InvolvementField, InvolvementStatus
from trust.exchange.statements import _MEMBERS as STATEMENT_MEMBERS
from trust.exchange.statements import Standing
from trust.federation import (
    anchor_keys,
    chain,
    enrolment,
    entity_statement,
    freshness,
    historical_keys,
    key_revocation,
    resolve_response,
    second_approval,
    suspension,
    trust_mark,
)
from trust.oauth import access_token, client_assertion, dpop_proof

PROFILE = profile()


def listed(heading: str, number: int = 0) -> list[list[str]]:
    """Return the rows of one of the tables under a heading."""
    return list(tables(section(PROFILE, heading)))[number]


def every_code(rows: list[list[str]]) -> set[str]:
    """Return everything in backticks in the first column."""
    return {code for row in rows for code in codes(row[0])}


def test_each_section_has_its_page_and_the_index_lists_them_in_order() -> None:
    index, *pages = profile_pages()
    titles = [path.read_text(encoding="utf-8").splitlines()[0] for path in pages]
    assert [title[:5] for title in titles] == [f"# {number}. " for number in range(10)]
    assert [path.name[:2] for path in pages] == [f"{number}-" for number in range(10)]
    rows = [row[0] for row in table(index.read_text(encoding="utf-8"))]
    assert rows == [f"[{title[2:]}]({path.name})" for title, path in zip(titles, pages, strict=True)]


def test_every_refusal_has_its_line() -> None:
    inputs, before, after = tables(section(PROFILE, "Refusals"))
    assert every_code(inputs) == set(COMPARED)
    own = {MalformedSubject.code, SubjectTooVague.code, NOT_OFFERED.code}
    assert set(column(before)) == set(sentences()) | own
    assert set(column(after)) == {UNAVAILABLE.code, UNREADABLE.code}


def test_every_problem_of_the_message_endpoint_is_in_the_catalogue() -> None:
    catalogue = {each.code: str(int(each.status)) for each in problem.CATALOGUE}
    rows = listed("Problems before a message is opened")
    assert {code: row[1] for row in rows for code in codes(row[0])}.items() <= catalogue.items()
    shared = {"bad-request", "path-not-canonical", "not-found", "method-not-allowed", "internal"}
    of_the_case_face = {"not-json", "invalid-fields", "idempotency-key-required", "idempotency-key-reused"}
    of_the_case_face |= {"subject-too-vague", "outside-registration", "not-permitted", "over-budget"}
    of_the_case_face |= {"second-factor-required", "step-up-required", "break-glass-suspended"}
    of_authorities = {"enrolment-refused", "enrolment-queue-full"}
    assert every_code(rows) | shared | of_the_case_face | of_authorities == set(catalogue)


def test_every_error_of_the_token_endpoint_has_its_line() -> None:
    raised = (
        errors.InvalidRequest,
        errors.InvalidClient,
        errors.InvalidScope,
        errors.InvalidTarget,
        errors.InvalidAuthorizationDetails,
        errors.InvalidProof,
        errors.UnsupportedGrant,
    )
    rows = listed("Errors of the token endpoint")
    assert {row[0].strip("`"): row[1] for row in rows} == {each.error: str(each.status_code) for each in raised}


def test_the_statuses_are_those_of_the_reply() -> None:
    rows = listed("Kind `involvement.query`, version 1", 2)
    assert column(rows) == list(InvolvementStatus)
    assert [name for name, row in zip(column(rows), rows, strict=True) if row[2] == "yes"] == [
        "known",
        "not_known",
        "review",
        "nothing_to_share",
    ]


def test_the_fields_are_those_of_an_involvement() -> None:
    assert column(listed("Kind `involvement.query`, version 1")) == list(InvolvementField)


def test_each_kind_has_a_section_with_their_version() -> None:
    for name, versions in kind.supported(kinds.KINDS).items():
        section(PROFILE, f"Kind `{name}`, version {max(versions)}")


def forms_of(rows: list[list[str]], forms: Mapping[str, BodyForm]) -> None:
    assert [row[0].strip("`") for row in rows] == list(forms)
    for row in rows:
        form = forms[row[0].strip("`")]
        assert [f"`{detail.name}`{' (required)' * detail.required}" for detail in form.details] == listing(row[1])
        assert [f"`{name}`{' (required)' * (name in form.narratives)}" for name in sorted(form.statements)] == listing(
            row[2]
        )
        assert set(codes(row[3].partition(";")[0])) == (form.recipient_kinds or set())


def listing(cell: str) -> list[str]:
    return [] if cell == "none" else cell.split(", ")


def test_the_forms_of_queued_kinds_are_the_codes() -> None:
    forms_of(listed("Kind `alert`, version 1"), {str(name): form for name, form in alert.FORMS.items()})
    forms_of(listed("Kind `referral`, version 1"), {**referral.FORMS, "any other code": referral.OTHER})
    forms_of(listed("Kind `notice`, version 1"), {str(name): form for name, form in notice.FORMS.items()})


def test_the_words_of_queued_kinds_stand_in_their_sections() -> None:
    common = section(PROFILE, "Queued messages")
    for word in (*persons.Part, *persons.WhyNot, *persons.ContactMethod, *Standing):
        assert f"`{word}`" in common
    assert all(f"`{field}`" in common for field in persons.PERSON_FIELDS)
    assert column(listed("Queued messages")) == list(persons._MEMBERS)
    assert column(listed("Queued messages", 1)) == list(STATEMENT_MEMBERS)
    answers = {"alert": alert.AlertOutcome, "notice": notice.NoticeOutcome}
    for name, words in answers.items():
        assert all(f"`{word}`" in section(PROFILE, f"Kind `{name}`, version 1") for word in words)


def test_the_statuses_of_a_referral_and_their_order_are_the_codes() -> None:
    rows = listed("Kind `referral`, version 1", 2)
    assert column(rows) == list(referral.ReferralStatus)
    for row in rows:
        before = {None if text == "no status" else text.strip("`") for text in listing(row[1])}
        assert before == {each for each, after in referral._NEXT.items() if row[0].strip("`") in after}


def test_the_states_of_a_receipt_are_the_codes() -> None:
    assert column(listed("The receipt", 1)) == list(receipt.ReceiptState)


def test_identifiers_go_to_the_kinds_of_service_that_the_page_lists() -> None:
    rows = listed("The subject", 1)
    assert {row[0].strip("`"): frozenset(codes(row[1])) for row in rows} == subject_members.SECTORS


def test_the_members_of_an_agreement_and_of_a_clause_are_listed() -> None:
    document, clauses = tables(section(PROFILE, "The document"))
    assert every_code(document) == set(agreement._MEMBERS)
    lists = {each.name for every in kinds.KINDS.values() for each in every.clause_lists}
    assert every_code(clauses) == set(clause._MEMBERS) | lists


def test_the_members_of_a_subject_are_listed() -> None:
    assert every_code(listed("The subject")) == set(person._MEMBERS)


def test_the_members_of_a_leaf_are_listed() -> None:
    inside = {"message_iss", "message_id", "message_digest"}
    own = {"outcome_code", "reason_codes", "subject_hmac", "answer_digest", "version"}
    members = {"message", "outcome", "reasons", "subject", "answer", "v"}
    assert every_code(listed("7. Evidence")) == Leaf.__dataclass_fields__.keys() - inside - own | members


def test_the_caps_are_the_codes() -> None:
    caps = {row[0]: int(row[1]) for row in list(tables(section(PROFILE, "0. Rules for everything that is signed")))[1]}
    assert caps == {
        "entity statement, enrolment request": entity_statement.MAX_BYTES,
        "trust mark, with its delegation": trust_mark.MAX_BYTES,
        "trust mark status": trust_mark.MAX_STATUS_BYTES,
        "suspension": suspension.MAX_BYTES,
        "key revocation": key_revocation.MAX_BYTES,
        "anchor's keys, historical keys": anchor_keys.MAX_BYTES,
        "resolve response": resolve_response.MAX_BYTES,
        "whole chain": chain.MAX_CHAIN_BYTES,
        "encoded header": jose.MAX_HEADER,
        "encoded header with `trust_chain`": jose.MAX_CHAIN_HEADER,
        "client assertion, DPoP proof": client_assertion.MAX_BYTES,
        "access token": access_token.MAX_BYTES,
        "token request body": forms.MAX_BODY,
        "message, reply, receipt, query about misuse and its reply, comparison of messages and its reply": (
            envelope.MAX_BYTES
        ),
        "agreement document": agreement.MAX_BYTES,
        "agreement signature, notice of an ending": signature.MAX_BYTES,
        "call about an agreement": party_call.MAX_BYTES,
        "approval of a change": second_approval.MAX_BYTES,
    }
    assert historical_keys.MAX_BYTES == anchor_keys.MAX_BYTES
    assert dpop_proof.MAX_BYTES == client_assertion.MAX_BYTES
    assert peer_api.MAX_MESSAGE == envelope.MAX_BYTES


def test_the_lives_are_the_codes() -> None:
    assert timedelta(hours=120) == entity_statement.MAX_LIFE
    assert timedelta(days=14) == enrolment.MAX_LIFE
    assert timedelta(minutes=5) == trust_mark.MAX_STATUS_AGE
    assert client_assertion.MAX_LIFE == dpop_proof.MAX_AGE == timedelta(seconds=60)
    assert timedelta(seconds=300) == peer_server.LIFETIME
    queries = {each.max_life for each in kinds.KINDS.values() if not each.queued}
    assert queries == {reply.REPLY_LIFE} == {timedelta(minutes=5)}
    assert {each.max_life for each in kinds.KINDS.values() if each.queued} == {timedelta(days=15)}
    assert timedelta(days=15) == receipt.RECEIPT_LIFE
    assert timedelta(minutes=5) == misuse.LIFE
    assert timedelta(hours=1) == messages.REMEMBERED_PAST_EXPIRY


def test_the_types_stand_in_the_profile() -> None:
    signed = (
        entity_statement,
        enrolment,
        client_assertion,
        dpop_proof,
        access_token,
        message,
        reply,
        receipt,
        signature,
        ending,
        party_call,
        trust_mark,
        suspension,
        anchor_keys,
        resolve_response,
        historical_keys,
        key_revocation,
    )
    others = (trust_mark.DELEGATION_TYP, trust_mark.STATUS_TYP, misuse.QUERY_TYP, misuse.REPLY_TYP)
    for typ in (*(module.TYP for module in signed), *others):
        assert f"`{typ}`" in PROFILE


def test_the_ages_of_section_6_are_the_directorys() -> None:
    bounds = freshness.PROFILE_BOUNDS
    ages = [stages.REFRESH_AFTER, bounds.alarm_after, bounds.urgent_only_after, bounds.closed_after]
    assert ages == [timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=24), timedelta(hours=120)]
    rows = [row[0] for row in table(section(PROFILE, "6. When the centre is away"))]
    assert f"`{freshness.MEMBER}`" in PROFILE
    assert rows == ["under 5 minutes", "from 5 minutes", "from 15 minutes", "from 24 hours", "120 hours"]


def test_the_limits_of_section_5_are_the_codes() -> None:
    text = " ".join(section(PROFILE, "5. Fetching from strangers").split())
    stated = (
        f"{limits.FETCH_S:g} s for a fetch ({limits.AGAIN_S:g} s where an earlier chain is held)",
        f"{limits.RESOLVE_S:g} s for a whole resolution ({2 * limits.AGAIN_S:g} s)",
        f"at most {response.MAX_HEADERS} headers and {response.MAX_FRAMING_BYTES} bytes of framing",
        f"{entity_statement.MAX_BYTES} bytes of body ({token_client.MAX_RESPONSE} for a token response)",
        f"remembered for {limits.RETRY_AFTER.total_seconds():g} s",
        f"at most {chain_cache.STRANGERS_A_MINUTE} times a minute",
    )
    assert [limit for limit in stated if limit not in text] == []
    assert resolver.MAX_ADDRESSES == 4


def test_the_addresses_are_the_faces() -> None:
    paths = (
        statements.FETCH_PATH,
        statements.LIST_PATH,
        server.TOKEN_PATH,
        entity_configuration.MESSAGES_PATH,
        metadata.AUTHORIZATION_SERVER_PATH,
        metadata.PEER_RESOURCE_PATH,
        CONFIGURATION_PATH,
        queries.QUERIES_PATH,
    )
    for path in paths:
        assert path in PROFILE


def test_the_reply_always_has_seven_members_and_one_that_tells_of_an_involvement_that_ended() -> None:
    rows = listed("Kind `involvement.query`, version 1", 1)
    terms = kind.ReplyTerms(answered_on=ANY_DAY, keep_until=ANY_DAY, onward="none")
    body = involvement.build_reply_body(InvolvementStatus.NOT_KNOWN, terms=terms)
    ended = involvement.build_reply_body(InvolvementStatus.NO_CURRENT_INVOLVEMENT, terms=terms)
    assert column(rows) == list(ended)
    assert column(rows)[:-1] == list(body)


ANY_DAY = date(2026, 11, 23)
