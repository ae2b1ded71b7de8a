"""Requests for the documents of a federation; none is verified here.

An authority that did not answer is not asked again for a while, so that its absence costs known peers little.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from gateway.federation.limits import FETCH_S, FetchBudget
from gateway.ports import PeerRequest, PeerResponse, Transport, TransportError
from trust import claims, strict_json
from trust.error_context import section
from trust.errors import NoChain, TrustError, Untrusted
from trust.federation.entity_statement import MAX_BYTES
from trust.federation.historical_keys import MAX_BYTES as MAX_HISTORY_BYTES
from trust.federation.trust_mark import MAX_BYTES as MAX_MARK_BYTES
from trust.identifiers import EntityId

CONFIGURATION_PATH = "/.well-known/openid-federation"
SUSPENSIONS_PATH = "/federation/v1/suspensions"
KEY_REVOCATIONS_PATH = "/federation/v1/key-revocations"
ANCHOR_KEYS_PATH = "/federation/v1/anchor-keys"
STATEMENT_TYPE = "application/entity-statement+jwt"
MARK_STATUS_TYPE = "application/trust-mark-status-response+jwt"
MARK_TYPE = "application/trust-mark+jwt"
JWT_TYPE = "application/jwt"
JSON_TYPE = "application/json"
HISTORICAL_KEYS_TYPE = "application/jwk-set+jwt"
MAX_SUSPENSIONS_BYTES = 524_288
MAX_SUSPENSIONS = 100
"""Entries of one log in one response at most."""
_MAX_ENTRY = 8_192
MAX_REVOCATIONS_BYTES = 262_144
MAX_NOTICES = 100
"""Notices about one entity's revoked keys in one response at most."""
LEFT_ALONE = timedelta(seconds=15)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_OK = 200
_NOT_FOUND = 404


class Unconfirmed(Untrusted):
    """The superior could not be asked, or its answer cannot be accepted; only its earlier statement is known."""

    code = "unconfirmed"


class NotVouchedFor(NoChain):
    """The superior does not vouch for the entity as it presents itself now."""

    @classmethod
    def by(cls, superior: EntityId, subject: EntityId) -> "NotVouchedFor":
        """Return the refusal where a superior answered that it knows no such entity."""
        refused = cls(
            f"{superior} does not vouch for it; its administrators know whether it was admitted, or suspended."
        )
        refused.place(statement=f"Subordinate statement by {superior} about {subject}", rule=section("8.1"))
        return refused


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    url: str
    accept: str
    max_bytes: int = MAX_BYTES
    form: Mapping[str, str] | None = None


OwnStatements = Callable[[EntityId, datetime], bytes | None]
"""Return the statement of an authority about a subordinate, or None where it does not vouch for it."""


class Fetcher:
    """Fetches over one transport. The statements of this entity itself are made here, and never fetched."""

    def __init__(
        self,
        *,
        transport: Transport,
        own: EntityId,
        own_configuration: Callable[[datetime], bytes],
        own_statements: OwnStatements = lambda _subject, _now: None,
    ) -> None:
        self.own = own
        self._transport = transport
        self._own_configuration = own_configuration
        self._own_statements = own_statements
        self._silent_since: dict[EntityId, datetime] = {}

    def configuration(self, entity: EntityId, budget: FetchBudget, *, now: datetime) -> bytes:
        """Return the configuration of an entity. Raises ``TransportError``."""
        if entity == self.own:
            return self._own_configuration(now)
        return _body(self._send(_Request(url=entity + CONFIGURATION_PATH, accept=STATEMENT_TYPE), budget))

    def authority(self, entity: EntityId, budget: FetchBudget, *, now: datetime) -> bytes:
        """Return the configuration of an authority. Raises ``TransportError``, also while it is not asked again."""
        if entity == self.own:
            return self._own_configuration(now)
        request = _Request(url=entity + CONFIGURATION_PATH, accept=STATEMENT_TYPE)
        return _body(self._ask(entity, request, budget, now))

    def statement(
        self, superior: EntityId, endpoint: str, subject: EntityId, budget: FetchBudget, *, now: datetime
    ) -> bytes:
        """Return a superior's statement about a subject. Raises ``TransportError``, :class:`NotVouchedFor` for a no."""
        if superior == self.own:
            statement = self._own_statements(subject, now)
            if statement is None:
                raise NotVouchedFor.by(superior, subject)
            return statement
        request = _Request(url=f"{endpoint}?{urlencode({'sub': subject})}", accept=STATEMENT_TYPE)
        answer = self._ask(superior, request, budget, now)
        if answer.status == _NOT_FOUND and _error(answer) == "not_found":
            raise NotVouchedFor.by(superior, subject)
        return _body(answer)

    def suspensions(self, source: EntityId, issuer: EntityId, after: int, budget: FetchBudget) -> list[bytes]:
        """Return the next entries of an issuer's log, from a peer or the issuer.

        Raises ``TransportError``, and ``TrustError`` for an answer that lists none.
        """
        if source == self.own:
            return []  # the own log is in the store already
        query = urlencode({"iss": issuer, "after": after})
        url = f"{source}{SUSPENSIONS_PATH}?{query}"
        body = _body(self._send(_Request(url=url, accept=JSON_TYPE, max_bytes=MAX_SUSPENSIONS_BYTES), budget))
        document = strict_json.loads(body, max_bytes=MAX_SUSPENSIONS_BYTES)
        entries = claims.require_str_list(document, "suspensions", max_items=MAX_SUSPENSIONS, max_len=_MAX_ENTRY)
        return [entry.encode("utf-8") for entry in entries]

    def anchor_keys(self, anchor: EntityId, budget: FetchBudget) -> bytes | None:
        """Return the document by which an anchor replaced its keys, if there is one. Raises ``TransportError``."""
        if anchor == self.own:
            return None
        answer = self._send(_Request(url=anchor + ANCHOR_KEYS_PATH, accept=JWT_TYPE), budget)
        return None if answer.status == _NOT_FOUND else _body(answer)

    def historical_keys(self, endpoint: str, budget: FetchBudget) -> bytes:
        """Return the historical keys of an entity. Raises ``TransportError``."""
        request = _Request(url=endpoint, accept=HISTORICAL_KEYS_TYPE, max_bytes=MAX_HISTORY_BYTES)
        return _body(self._send(request, budget))

    def key_revocations(self, source: EntityId, subject: EntityId, budget: FetchBudget) -> bytes:
        """Return the notices that a party knows about an entity's revoked keys. Raises ``TransportError``."""
        url = f"{source}{KEY_REVOCATIONS_PATH}?{urlencode({'sub': subject})}"
        return _body(self._send(_Request(url=url, accept=JSON_TYPE, max_bytes=MAX_REVOCATIONS_BYTES), budget))

    def mark_status(self, endpoint: str, mark: bytes, budget: FetchBudget) -> bytes | None:
        """Return what a mark's issuer says has become of it; none where it does not know it. Raises ``TransportError``.

        Section 8.4.2 has an unknown mark answered with 404 and does not say with what else.
        """
        form = {"trust_mark": mark.decode("ascii")}
        answer = self._send(_Request(url=endpoint, accept=MARK_STATUS_TYPE, form=form), budget)
        return None if answer.status == _NOT_FOUND else _body(answer)

    def mark(self, endpoint: str, mark_type: str, budget: FetchBudget) -> bytes | None:
        """Return the mark of a type that an authority gives to this entity, if any. Raises ``TransportError``."""
        query = urlencode({"trust_mark_type": mark_type, "sub": self.own})
        request = _Request(url=f"{endpoint}?{query}", accept=MARK_TYPE, max_bytes=MAX_MARK_BYTES)
        answer = self._send(request, budget)
        return None if answer.status == _NOT_FOUND else _body(answer)

    def _ask(self, authority: EntityId, request: _Request, budget: FetchBudget, now: datetime) -> PeerResponse:
        if timedelta() <= now - self._silent_since.get(authority, _LONG_AGO) < LEFT_ALONE:
            raise TransportError(f"{authority} did not answer a moment ago and was not asked again")
        try:
            return self._send(request, budget)
        except TransportError:
            self._silent_since[authority] = now
            raise

    def _send(self, request: _Request, budget: FetchBudget) -> PeerResponse:
        is_post = request.form is not None
        return self._transport.send(
            PeerRequest(
                method="POST" if is_post else "GET",
                url=request.url,
                headers={"Content-Type": "application/x-www-form-urlencoded"} if is_post else {},
                body=urlencode(request.form or {}).encode("ascii"),
                accept=request.accept,
                max_bytes=request.max_bytes,
                timeout_s=budget.next_s(),
            )
        )


def fetch_document(transport: Transport, url: str, *, accept: str = STATEMENT_TYPE) -> PeerResponse:
    """Fetch a document outside of a resolution. Raises ``TransportError``."""
    return transport.send(
        PeerRequest(method="GET", url=url, headers={}, body=b"", accept=accept, max_bytes=MAX_BYTES, timeout_s=FETCH_S)
    )


def _body(answer: PeerResponse) -> bytes:
    if answer.status != _OK:
        raise TransportError(f"the answer was {answer.status} and not what was asked for")
    return answer.body


def _error(answer: PeerResponse) -> object:
    """Return the error code of OpenID Federation 1.0 section 8.9, or nothing where the answer is not such an error."""
    if answer.content_type != JSON_TYPE:
        return None
    try:
        return strict_json.loads(answer.body, max_bytes=MAX_BYTES).get("error")
    except TrustError:
        return None
