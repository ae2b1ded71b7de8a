"""The figures under their stable names, what each means, and its target where it has one."""

from collections.abc import Mapping
from dataclasses import dataclass

Figures = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a figure says; ``least`` or ``most`` is its target, which docs/benchmarks.md has beside it.

    One that ``needs`` something which is not there is 0, and says so.
    """

    text: str
    unit: str = ""
    least: float | None = None
    most: float | None = None
    needs: str | None = None

    def verdict(self, value: float) -> str:
        """Say whether the target was met, or nothing where there is none."""
        if self.needs is not None and value == 0:
            return f"not measured: needs {self.needs}"
        if self.least is not None:
            return f"{'met' if value >= self.least else 'MISSED'}: at least {self.least:g}"
        if self.most is not None:
            return f"{'met' if value <= self.most else 'MISSED'}: at most {self.most:g}"
        return ""


_NODE = "Node.js"
_AS4, _MESH, _POSTGRES = "PyPI as4", "PyPI mesh-sandbox", "PostgreSQL"
_AS4_POSTGRES, _MESH_POSTGRES = f"{_AS4} and {_POSTGRES}", f"{_MESH} and {_POSTGRES}"
MEANINGS: Mapping[str, Meaning] = {
    "floor_rps": Meaning(text="the floor: requests a second", unit="1/s"),
    "floor_cpu_ms": Meaning(text="the floor: CPU a request", unit="ms"),
    "floor_system_ms": Meaning(text="... of it in the kernel", unit="ms"),
    "exchange_rps": Meaning(text="inbound exchange, warm token: exchanges a second", unit="1/s"),
    "exchange_cpu_ms": Meaning(text="inbound exchange, warm token: CPU an exchange", unit="ms"),
    "exchange_system_ms": Meaning(text="... of it in the kernel", unit="ms"),
    "exchange_p50_ms": Meaning(text="... half of them took at most", unit="ms"),
    "exchange_p99_ms": Meaning(text="... 99 of 100 took at most", unit="ms"),
    "exchange_over_floor": Meaning(text="exchange over floor, by throughput", least=0.6),
    "exchange_over_floor_lowest": Meaning(text="... its lowest round"),
    "exchange_over_floor_highest": Meaning(text="... its highest round"),
    "exchange_over_floor_cpu": Meaning(text="exchange over floor, by CPU"),
    "exchange_cold_rps": Meaning(text="with a new token each: exchanges a second", unit="1/s"),
    "exchange_cold_cpu_ms": Meaning(text="with a new token each: CPU for token and exchange", unit="ms"),
    "exchange_cold_over_floor": Meaning(text="with a new token each, over floor, by throughput"),
    "exchange_over_before_cpu": Meaning(
        text="an exchange over that of another checkout, by CPU", most=1.05, needs="--before FOLDER"
    ),
    "token_rps": Meaning(text="access tokens issued a second", unit="1/s"),
    "token_cpu_ms": Meaning(text="... each: CPU", unit="ms"),
    "oidc_provider_rps": Meaning(text="npm oidc-provider, the same profile: tokens a second", unit="1/s", needs=_NODE),
    "oidc_provider_cpu_ms": Meaning(text="... each: CPU", unit="ms", needs=_NODE),
    "token_over_oidc_provider": Meaning(text="tokens issued over oidc-provider's, by throughput", least=1, needs=_NODE),
    "dpop_call_rps": Meaning(text="calls with token and proof let in a second", unit="1/s"),
    "dpop_call_cpu_ms": Meaning(text="... each: CPU", unit="ms"),
    "token_new_us": Meaning(text="verifying a token that was not seen before: CPU", unit="us"),
    "token_known_us": Meaning(text="verifying one whose signature is known: CPU", unit="us"),
    "token_cache_saves_us": Meaning(text="... so the memory of good signatures saves", unit="us"),
    "delivery_rps": Meaning(text="alerts handed in, sent, accepted and receipted a second, on SQLite", unit="1/s"),
    "delivery_postgres_rps": Meaning(text="... on PostgreSQL", unit="1/s", needs=_POSTGRES),
    "as4_rps": Meaning(text="PyPI as4 in one process: messages a second, receipts verified", unit="1/s", needs=_AS4),
    "mesh_rps": Meaning(
        text="mesh-sandbox: messages a second, sent, fetched and acknowledged", unit="1/s", needs=_MESH
    ),
    "delivery_over_as4": Meaning(text="alerts over as4's messages, by throughput, on SQLite", least=4, needs=_AS4),
    "delivery_postgres_over_as4": Meaning(text="... on PostgreSQL", least=4, needs=_AS4_POSTGRES),
    "delivery_over_mesh": Meaning(
        text="alerts over mesh-sandbox's messages, by throughput, on SQLite", least=3, needs=_MESH
    ),
    "delivery_postgres_over_mesh": Meaning(text="... on PostgreSQL", least=3, needs=_MESH_POSTGRES),
    "send_to_visible_ms": Meaning(text="from handing an alert in to a file for the case system: median", unit="ms"),
    "send_to_visible_p99_ms": Meaning(text="... 99 of 100 took at most", unit="ms"),
    "drain_rps": Meaning(
        text="10,000 alerts for a peer that was away: receipted a second, its start included", unit="1/s"
    ),
    "drain_lost": Meaning(text="... of them not in the case system at the end", most=0),
    "drain_twice": Meaning(text="... of them there twice", most=0),
    "drain_p99_before_ms": Meaning(text="an alert to another peer until its receipt, 99 of 100", unit="ms"),
    "drain_p99_ms": Meaning(text="... while those are drained", unit="ms"),
    "drain_p99_ratio": Meaning(text="... over the time before", most=1.2),
    "relay_mb": Meaning(text="a relay by itself, 100 alerts queued: memory without shared pages", unit="MB"),
    "relay_memory_ratio": Meaning(text="... with 100,000 queued, over that", most=1.2),
    "lookup_over_slowest": Meaning(text="lookup of eight services over the slowest alone", most=1.3),
    "lookup_ms": Meaning(text="lookup of eight services whose case systems take 150 to 400 ms an answer", unit="ms"),
    "lookup_slowest_ms": Meaning(text="the slowest of them, asked alone", unit="ms"),
    "lookup_zero_delay_ms": Meaning(text="lookup of eight services whose case systems answer at once", unit="ms"),
    "chain_cold_ms": Meaning(text="a cold chain of four statements, without fetches: CPU", unit="ms", most=5),
    "chain_over_signatures": Meaning(text="... over four bare verifications"),
    "trust_share": Meaning(text="cached trust as a share of an exchange, by CPU", unit="%", most=1),
    "federation_agencies": Meaning(text="a simulated federation: agencies under 20 intermediates"),
    "federation_resolve_s": Meaning(text="... to come to know all of them: CPU of one node", unit="s"),
    "federation_resolve_ms": Meaning(text="... each: CPU", unit="ms"),
    "federation_memory_mb": Meaning(text="... memory of one process for all of them", unit="MB"),
    "federation_fetches_all": Meaning(text="... fetches for each, intermediates included"),
    "federation_fetches_join": Meaning(text="... fetches when one more joins"),
    "federation_fetches_refresh": Meaning(text="... fetches for each at a refresh of all, every 5 min"),
    "federation_refresh_ms": Meaning(text="... each: CPU", unit="ms"),
    "suspension_interval_s": Meaning(text="the interval after which trust is refreshed", unit="s"),
    "suspension_refused_s": Meaning(text="from a suspension to the first refusal at a peer", unit="s", most=300),
    "suspension_over_interval": Meaning(text="... over that interval"),
    "suspension_relayed_s": Meaning(text="... where another peer relays it", unit="s", most=5),
    "timing_leak_auc_0": Meaning(text="a closed record told from none by time, case system without a pause: AUC"),
    "timing_leak_auc_30": Meaning(text="... where a call to the case system takes 30 ms"),
    "timing_leak_auc_100": Meaning(text="... where it takes 100 ms"),
    "timing_leak_auc_120": Meaning(text="... where it takes 120 ms"),
    "timing_leak_auc_150": Meaning(text="... where it takes 150 ms"),
    "timing_leak_auc_300": Meaning(text="... where it takes 300 ms"),
    "timing_leak_auc": Meaning(text="the same at 30 ms, in detail: AUC, 0.5 is not at all"),
    "timing_leak_auc_chance": Meaning(text="... how far from 0.5 chance alone leads, 19 times of 20"),
    "timing_leak_ks": Meaning(text="... distance of the two distributions of times (Kolmogorov-Smirnov)"),
    "timing_leak_ks_chance": Meaning(text="... how large chance alone makes it, 19 times of 20"),
    "timing_leak_difference_us": Meaning(text="... the difference of their medians, either way", unit="us"),
    "timing_leak_at_once_auc": Meaning(text="... AUC where such answers are not held back"),
    "timing_leak_at_once_ks": Meaning(text="... their distance where they are not"),
    "timing_leak_at_once_difference_us": Meaning(
        text="... the difference of the medians where they are not", unit="us"
    ),
    "decision_us": Meaning(text="decision among 1,000 agreements of 20 clauses: CPU", unit="us", most=100),
    "decision_growth": Meaning(text="... over one with a single agreement, by CPU", most=1.2),
    "decision_parties_growth": Meaning(text="... with 1,000 parties in the agreement, by CPU", most=1.2),
    "decision_joiners_growth": Meaning(text="... with 1,000 agencies that joined the agreement, by CPU", most=1.2),
    "select_us": Meaning(text="choosing the services to ask among 1,000 agreements of 20 clauses: CPU", unit="us"),
    "select_one_us": Meaning(text="... with a single agreement", unit="us"),
    "simulate_rps": Meaning(text="simulation: recorded decisions a second of CPU", unit="1/s", least=50_000),
    "simulate_memory_ratio": Meaning(text="... memory at 1,000,000 decisions over that at 10,000", most=1.2),
    "node_pss_mb": Meaning(text="a node at rest: memory of all its processes (PSS)", unit="MB", most=200),
    "node_alone_mb": Meaning(text="... without shared pages, at most", unit="MB"),
    "node_processes": Meaning(text="... its processes"),
    "ready_s": Meaning(text="from start to ready", unit="s", most=3),
}

DELIVERIES = frozenset(
    name for name in MEANINGS if name.startswith(("as4_", "delivery_", "drain_", "mesh_", "relay_", "send_to_"))
)
"""The figures of alerts between nodes, and of what they are compared with."""


def table(figures: Figures, meanings: Mapping[str, Meaning] = MEANINGS) -> str:
    """Write figures as a table, in the order in which they are explained."""
    rows = [
        (name, number(figures[name]), meaning.unit, meaning.text, meaning.verdict(figures[name]))
        for name, meaning in meanings.items()
        if name in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{name:<{widths[0]}}  {number:>{widths[1]}} {unit:<{widths[2]}}  {text:<{widths[3]}}  {verdict}".rstrip()
        for name, number, unit, text, verdict in rows
    )


def number(value: float) -> str:
    """Write a figure as exactly as it was measured."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}"
