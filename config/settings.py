"""Settings of a node and of an authority: frozen models, with secrets as paths."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from config.break_glass import BreakGlassSettings
from config.calendar import CalendarSettings, HoursSettings, OutOfHoursSettings
from config.fields import (
    Bind,
    Code,
    Entity,
    HostName,
    Institution,
    Label,
    MarkType,
    OwnEntity,
    Phone,
    PrivateNetwork,
    Reason,
    Slug,
    StoreUrl,
)
from config.on_call import AccessAlertSettings, OnCallSettings
from config.sign_in import IdentitySettings
from config.tables import Frozen
from trust.agreements.bodies import PublicBody

ANSWER_AFTER_S = 1.0
"""The step of conditional answers by default: room for two calls of 0.3 s to the case system, with a margin."""


class Identity(Frozen):
    """``[node]`` or ``[anchor]``: who this is in the federation, and which authorities vouch for it.

    A node without ``superiors`` is vouched for by its pinned anchors; an ``[anchor]`` without them is a trust anchor,
    and one with them an intermediate.
    """

    entity_id: OwnEntity
    name: Label
    superiors: tuple[Entity, ...] = Field(default=(), max_length=5)
    administrators: int = Field(default=2, ge=1, le=100)
    """How many people administer it. Members see where it is one: it has no one to approve that one's changes."""


class NodeIdentity(Identity):
    """``[node]``: also what the agency is in law, by which a signatory's commands check the laws that it relies on.

    ``neutral_desk`` is a number that tells no place, for callers about a person whose place is restricted.
    """

    body: PublicBody | None = None
    neutral_desk: Phone | None = None


class AuthorityIdentity(Identity):
    """``[anchor]``: also the file with a trust anchor's public recovery keys, which members pin beside the others."""

    recovery: Path | None = None


class Face(Frozen):
    """A listener with its own pool of workers. ``certificate`` and ``key`` are PEM files."""

    bind: Bind
    certificate: Path
    key: Path
    workers: int = Field(default=1, ge=1, le=64)
    threads: int = Field(default=8, ge=1, le=256)


class PeerFaceSettings(Face):
    """``[peer]``: what other agencies reach. At a node none of them alone holds more than half of these threads."""

    threads: int = Field(default=16, ge=1, le=256)


class CaseFaceSettings(Face):
    """``[case]``: the internal face, with the base URL that case systems use and tokens are addressed to."""

    base_url: Entity


class OperationsFaceSettings(Frozen):
    """``[operations]``: health and metrics, on loopback only."""

    bind: Bind


class StoreSettings(Frozen):
    """``[store]``: where the node keeps its own state."""

    url: StoreUrl = "sqlite:///data/node.db"


class KeySettings(Frozen):
    """``[keys]``: the folder of private key files, readable by their owner only."""

    directory: Path = Path("keys")


class Anchor(Frozen):
    """``[[trust.anchors]]``: an anchor pinned out of band; ``jwks`` is the file with its public federation keys."""

    entity_id: Entity
    jwks: Path


class TrustSettings(Frozen):
    """``[trust]``: the anchors, and a CA file where the partnership does not use the system's roots."""

    anchors: tuple[Anchor, ...] = ()
    ca: Path | None = None


class HostException(Frozen):
    """``[hosts]``: the one exact address that a name may be reached at, and why. For development."""

    address: Bind
    reason: Reason


class NetworkException(Frozen):
    """``[networks]``: the private networks that one peer's name may lead to, and why."""

    networks: tuple[PrivateNetwork, ...] = Field(min_length=1, max_length=8)
    reason: Reason


class ProxySettings(Frozen):
    """``[proxy]``: the one CONNECT proxy towards peers; ``credentials`` is a file with ``user:password``."""

    address: Bind
    credentials: Path | None = None
    reason: Reason


class CaseSystemsSettings(Frozen):
    """``[case_systems]``: the host names that adapters may call, and their CA where the system's roots do not do."""

    names: tuple[HostName, ...] = ()
    ca: Path | None = None


class AdapterSettings(Frozen):
    """``[services.adapter]``: the kind of adapter, and its own table, which that adapter validates.

    ``institutions`` are postcodes and UPRNs of prisons, hostels, hospitals: an address there is no evidence.
    """

    type: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    institutions: tuple[Institution, ...] = Field(default=(), max_length=1000)
    settings: dict[str, Any] = Field(default_factory=dict)


class ReceiverSettings(Frozen):
    """``[services.receiver]``: the kind of adapter that takes messages for this service, and its own table."""

    type: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    settings: dict[str, Any] = Field(default_factory=dict)


class LocalRestriction(Frozen):
    """``[[services.restrictions]]``: a local rule that only narrows what agreements permit, with its reason.

    Without ``role`` the whole clause is refused; with ``role`` it is refused to that role only.
    """

    agreement: Code
    clause: Code
    role: Code | None = None
    reason: Label


class Service(Frozen):
    """``[[services]]``: one service that this node hosts. One without ``adapter`` only asks, and is asked nothing.

    Answers under conditional clauses leave at multiples of ``answer_after_s`` seconds. ``neutral_desk`` is the number
    that stands for all others where a person's place is restricted; the agency's own (``[node]``) if it has none.
    """

    slug: Slug
    name: Label
    kind: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    duty_phone: Phone
    neutral_desk: Phone | None = None
    area: Label | None = None
    hours: HoursSettings | None = None
    out_of_hours: OutOfHoursSettings | None = None
    on_call: OnCallSettings | None = None
    duty_roles: tuple[Code, ...] = Field(default=(), max_length=32)
    """The roles whose reading of a message stops its bell; every role of the service if none is named."""
    adapter: AdapterSettings | None = None
    receiver: ReceiverSettings | None = None
    answer_after_s: float = Field(default=ANSWER_AFTER_S, ge=0.1, le=4)
    restrictions: tuple[LocalRestriction, ...] = ()


class LimitsSettings(Frozen):
    """``[limits]``: how long the node waits. Seconds of wall time."""

    lookup_s: float = Field(default=8.0, gt=0, le=30)
    peer_s: float = Field(default=5.0, gt=0, le=10)
    case_system_s: float = Field(default=3.0, gt=0, le=9)
    answers_kept_s: int = Field(default=900, ge=60, le=86_400)


class Allowance(Frozen):
    """So many questions an hour, of which ``burst`` may come at once."""

    per_hour: int = Field(ge=1, le=1_000_000)
    burst: int = Field(ge=1, le=1_000_000)


class Allowances(Frozen):
    """``[budgets.asking]`` and ``[budgets.answering]``: rate limits of questions; ``roles`` have their own."""

    practitioner: Allowance
    agency: Allowance
    subject: Allowance
    roles: dict[Code, Allowance] = Field(default_factory=dict)


class MessageAllowances(Frozen):
    """``[budgets.messages]``: how many messages one sender may have this node store; large ones count several times.

    ``peer`` and ``clause`` bound what is not red of each peer, and of each of its clauses; ``red`` its red messages.
    ``client`` bounds what each case system of this agency submits.
    """

    peer: Allowance = Allowance(per_hour=6_000, burst=24_000)
    red: Allowance = Allowance(per_hour=1_200, burst=2_400)
    clause: Allowance = Allowance(per_hour=6_000, burst=12_000)
    client: Allowance = Allowance(per_hour=6_000, burst=12_000)


class BudgetSettings(Frozen):
    """``[budgets]``: what this agency's own practitioners may ask, and what others may ask of it or send to it.

    One lookup is one question to each service, so several to an agency that has several.
    """

    asking: Allowances = Allowances(
        practitioner=Allowance(per_hour=60, burst=30),
        agency=Allowance(per_hour=3_000, burst=1_000),
        subject=Allowance(per_hour=30, burst=15),
    )
    answering: Allowances = Allowances(
        practitioner=Allowance(per_hour=240, burst=120),
        agency=Allowance(per_hour=6_000, burst=2_000),
        subject=Allowance(per_hour=120, burst=60),
    )
    messages: MessageAllowances = MessageAllowances()


class IssuedMarks(Frozen):
    """``[[marks.issues]]``: a type of trust mark that this authority issues.

    ``delegation`` is the file by which the type's owner lets this authority issue it, where the type is another's.
    """

    type: MarkType
    lifetime_days: int = Field(default=90, ge=1, le=366)
    delegation: Path | None = None


class AccreditedMarksSettings(Frozen):
    """``[[marks.accredited]]``: a type that counts under this trust anchor, and who may issue it; all if none is named.

    Where it is another's, ``owner`` says whose, and ``owner_keys`` is the file with its public federation keys.
    """

    type: MarkType
    issuers: tuple[Entity, ...] = Field(default=(), max_length=64)
    owner: Entity | None = None
    owner_keys: Path | None = None

    @model_validator(mode="after")
    def _owned_whole(self) -> "AccreditedMarksSettings":
        if (self.owner is None) != (self.owner_keys is None):
            raise ValueError("give owner and owner_keys together, or neither")
        return self


class MarkSettings(Frozen):
    """``[marks]``: the trust marks that an authority issues, and, at a trust anchor, those that count under it."""

    issues: tuple[IssuedMarks, ...] = Field(default=(), max_length=64)
    accredited: tuple[AccreditedMarksSettings, ...] = Field(default=(), max_length=64)


class FreshnessSettings(Frozen):
    """``[freshness]``, of a trust anchor: how long its members go on with what was last confirmed.

    What is closed is not urgent any more either: ``closed_hours`` also bounds ``urgent_only_hours``.
    """

    alarm_minutes: int = Field(default=15, ge=10, le=15)
    urgent_only_hours: int = Field(default=24, ge=1, le=24)
    closed_hours: int = Field(default=120, ge=1, le=120)


class Retention(Frozen):
    """``[retention]``: days for which accounts of questions, with practitioners' data, and ended consents stay."""

    accounts_days: int = Field(default=2_192, ge=31, le=36_525)
    consents_days: int = Field(default=2_922, ge=366, le=36_525)
    """For how many days a consent is kept once it has ended."""


class PlaysSettings(Frozen):
    """``[plays]``: the folder of the files that say who gets what of an incident."""

    directory: Path = Path("plays")


class DeliverySettings(Frozen):
    """``[delivery]``: so many rows are sent at once, a part of them to one peer, each attempt bounded in seconds.

    A message that was not delivered in ``keep_trying_days`` is parked for an operator.
    """

    parallel: int = Field(default=8, ge=1, le=64)
    for_one_peer: int = Field(default=4, ge=1, le=64)
    attempt_s: float = Field(default=10.0, gt=0, le=20)
    keep_trying_days: int = Field(default=14, ge=1, le=14)


class NodeSettings(Frozen):
    """A node's whole configuration file; paths are resolved against the folder of the file."""

    role: Literal["node"] = "node"
    node: NodeIdentity
    peer: PeerFaceSettings
    case: CaseFaceSettings
    operations: OperationsFaceSettings
    store: StoreSettings = StoreSettings()
    keys: KeySettings = KeySettings()
    trust: TrustSettings
    hosts: dict[HostName, HostException] = Field(default_factory=dict)
    networks: dict[HostName, NetworkException] = Field(default_factory=dict)
    proxy: ProxySettings | None = None
    case_systems: CaseSystemsSettings = CaseSystemsSettings()
    services: tuple[Service, ...] = Field(min_length=1, max_length=50)
    limits: LimitsSettings = LimitsSettings()
    budgets: BudgetSettings = BudgetSettings()
    retention: Retention = Retention()
    calendar: CalendarSettings = CalendarSettings()
    plays: PlaysSettings = PlaysSettings()
    delivery: DeliverySettings = DeliverySettings()
    identity: IdentitySettings = IdentitySettings()
    break_glass: BreakGlassSettings | None = None
    access_alerts: AccessAlertSettings | None = None
    administrator_keys: dict[Label, Path] = Field(default_factory=dict)
    base_dir: Path = Field(exclude=True)


class AnchorSettings(Frozen):
    """An authority's whole configuration file: a trust anchor's, or an intermediate's."""

    role: Literal["anchor"]
    anchor: AuthorityIdentity
    peer: PeerFaceSettings
    operations: OperationsFaceSettings
    store: StoreSettings = StoreSettings(url="sqlite:///data/anchor.db")
    keys: KeySettings = KeySettings()
    trust: TrustSettings = TrustSettings()
    marks: MarkSettings = MarkSettings()
    freshness: FreshnessSettings = FreshnessSettings()
    administrator_keys: dict[Label, Path] = Field(default_factory=dict)
    hosts: dict[HostName, HostException] = Field(default_factory=dict)
    networks: dict[HostName, NetworkException] = Field(default_factory=dict)
    proxy: ProxySettings | None = None
    base_dir: Path = Field(exclude=True)

    @model_validator(mode="after")
    def _anchors_alone_bound(self) -> "AnchorSettings":
        if self.anchor.superiors and self.freshness != FreshnessSettings():
            raise ValueError("[freshness] is for a trust anchor only: no node reads that of an intermediate; remove it")
        return self
