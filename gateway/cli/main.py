"""The ``hearthgate`` command: one table of all commands, each loaded only when it is called."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from gateway import __version__


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called, so that ``--help`` answers at once."""

    def __init__(self, *args: Any, table: "Mapping[str, tuple[str, str] | LazyGroup]", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Return the names in the order in which an administrator meets them."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import and return a command."""
        entry = self._table.get(cmd_name)
        if entry is None or isinstance(entry, LazyGroup):
            return entry
        module, _, name = entry[0].partition(":")
        command: click.Command = vars(import_module(module))[name]
        return command

    def summary(self, name: str) -> str:
        """Return the line of a command in the list."""
        entry = self._table[name]
        return str(entry.help) if isinstance(entry, LazyGroup) else entry[1]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.summary(name)) for name in self._table])


def _group(name: str, summary: str, table: Mapping[str, tuple[str, str] | LazyGroup]) -> LazyGroup:
    return LazyGroup(name, help=summary, table=table)


_TRUST_MARK = _group(
    "mark",
    "Trust marks: issue, revoke, delegate, list.",
    {
        "issue": ("gateway.cli.trust.mark:issue", "Authority: grant a trust mark to an entity."),
        "revoke": ("gateway.cli.trust.mark:revoke", "Authority: revoke a trust mark."),
        "delegate": ("gateway.cli.trust.mark:delegate", "Authority: let another entity issue marks of your type."),
        "list": ("gateway.cli.trust.mark:list_marks", "List the trust marks issued here or held by this node."),
    },
)
_TRUST_BUNDLE = _group(
    "bundle",
    "Carry statements to a node without a route to the anchor.",
    {
        "export": (
            "gateway.cli.trust.bundle:export_bundle",
            "Write a bundle of statements for a node without a route.",
        ),
        "import": ("gateway.cli.trust.bundle:import_bundle", "Node: import a bundle of statements."),
    },
)
_TRUST_KEY = _group(
    "key",
    "The keys of this node or authority: see, rotate, revoke.",
    {
        "list": ("gateway.cli.trust.key:list_keys", "List the keys with their use, state and dates."),
        "rotate": ("gateway.cli.trust.key:rotate", "Replace a key without a failed request."),
        "announce": ("gateway.cli.trust.key:announce", "Have only the published federation keys vouched for."),
        "revoke": ("gateway.cli.trust.key:revoke", "Revoke a key at once."),
    },
)
_TRUST_ANCHOR = _group(
    "anchor",
    "An authority: set it up, hand out its pin, replace its keys.",
    {
        "init": ("gateway.cli.init:anchor_init", "Set up a trust anchor, or an intermediate."),
        "pin": ("gateway.cli.trust.anchor:pin", "Write the pin: the anchor's keys and its recovery key."),
        "recover": ("gateway.cli.trust.anchor:recover", "Replace every key of the anchor with its recovery key."),
    },
)
_TRUST = _group(
    "trust",
    "Join a federation, admit and suspend members, check chains.",
    {
        "join": ("gateway.cli.trust.join:join", "Pin an anchor and ask an authority to admit this agency."),
        "show": ("gateway.cli.trust.show:show", "Node: show the trust chains as a tree."),
        "check": ("gateway.cli.trust.check:check", "Node: check the chain of one entity step by step."),
        "pending": ("gateway.cli.trust.admit:pending", "Authority: list the agencies that wait to be admitted."),
        "admit": ("gateway.cli.trust.admit:admit", "Authority: admit an agency by its thumbprints."),
        "dismiss": ("gateway.cli.trust.admit:dismiss", "Authority: dismiss a request to be admitted."),
        "suspend": ("gateway.cli.trust.members:suspend", "Authority: suspend a member until it is readmitted."),
        "readmit": ("gateway.cli.trust.members:readmit", "Authority: readmit a suspended member."),
        "remove": ("gateway.cli.trust.members:remove", "Authority: end a membership for good."),
        "revoke": ("gateway.cli.trust.members:revoke", "Authority: revoke a key of a member for good."),
        "list": ("gateway.cli.trust.members:list_all", "Authority: list the members with their states and terms."),
        "changes": ("gateway.cli.trust.changes:list_changes", "List changes that wait for an approval or a review."),
        "approve": ("gateway.cli.trust.changes:approve", "Make a change that another administrator asked for."),
        "decline": ("gateway.cli.trust.changes:decline", "Withdraw a change that was asked for."),
        "review": ("gateway.cli.trust.changes:review", "Review another administrator's emergency change."),
        "second": ("gateway.cli.trust.changes:second", "Authority: approve a change of a member."),
        "administrator": ("gateway.cli.trust.administrator:administrator", "Register an administrator's own key."),
        "mark": _TRUST_MARK,
        "bundle": _TRUST_BUNDLE,
        "key": _TRUST_KEY,
        "anchor": _TRUST_ANCHOR,
    },
)
_AGREEMENT = _group(
    "agreement",
    "Write, check, sign, add and end data-sharing agreements.",
    {
        "new": ("gateway.cli.agreement_new:new", "Write a draft agreement from a template."),
        "check": ("gateway.cli.agreement:check", "Check an agreement and read it out."),
        "propose": ("gateway.cli.agreement:propose", "Sign an agreement and give its address to the parties."),
        "sign": ("gateway.cli.agreement:sign", "Sign an agreement and exchange signatures."),
        "sync": ("gateway.cli.agreement:sync", "Exchange missing signatures and notices of endings now."),
        "add": ("gateway.cli.agreement:add", "Store an agreement and its parties' signatures."),
        "list": ("gateway.cli.agreement:list_agreements", "List agreements and whether they are in force."),
        "show": ("gateway.cli.agreement:show", "Show an agreement and its signatories."),
        "simulate": ("gateway.cli.decision:simulate", "Decide recorded requests again under a draft."),
        "join": ("gateway.cli.agreement_joining:join", "Join an agreement that lets agencies like this one in."),
        "admit": ("gateway.cli.agreement_joining:admit", "Admit an agency that asks to join an agreement."),
        "confirm": ("gateway.cli.agreement_joining:confirm", "Confirm an agency that joined an agreement."),
        "object": ("gateway.cli.agreement_joining:object_to", "Object to an agency that joined an agreement."),
        "end": ("gateway.cli.agreement:end", "End an agreement for good, at every party's node."),
        "suspend": ("gateway.cli.agreement_suspension:suspend", "Suspend an agreement for all its parties."),
        "resume": ("gateway.cli.agreement_suspension:resume", "Resume an agreement that is suspended."),
        "leave": ("gateway.cli.agreement:leave", "Leave an agreement for good; it goes on between the others."),
        "render": ("gateway.cli.agreement_documents:render", "Write an agreement's documents as HTML and Markdown."),
        "diff": ("gateway.cli.agreement_documents:diff", "Say what a version permits, forbids and changes."),
        "register": ("gateway.cli.agreement_documents:register", "Write the public register of agreements in force."),
    },
)
_LAW = _group(
    "law",
    "Look up the laws that agreements may cite.",
    {
        "list": ("gateway.cli.law:list_laws", "List the laws, and whether they are in force."),
        "show": ("gateway.cli.law:show", "Show one law: enactment, commencement, extent."),
        "check": ("gateway.cli.law:check", "Check whether laws may be cited."),
    },
)
_CLIENT_SAMPLE = _group(
    "sample",
    "Justify sampled lookups.",
    {
        "list": ("gateway.cli.client:list_samples", "List sampled lookups that wait for a justification."),
        "justify": ("gateway.cli.client:justify", "Record a manager's finding on a sampled lookup."),
    },
)
_CLIENT = _group(
    "client",
    "Register the case systems that may use this node.",
    {
        "add": ("gateway.cli.client:add", "Register a case system and its positions."),
        "list": ("gateway.cli.client:list_clients", "List the registered case systems."),
        "keys": ("gateway.cli.client:keys", "Change the keys of a case system."),
        "revoke": ("gateway.cli.client:revoke", "Revoke a case system for good."),
        "manager": ("gateway.cli.client:manager", "Name the manager of a case system's lookups."),
        "sample": _CLIENT_SAMPLE,
        "token": ("gateway.cli.case_system.api:token", "Get an access token from the running node."),
    },
)
_CONSENT = _group(
    "consent",
    "Look at consents, and at what would end with one.",
    {
        "list": ("gateway.cli.consent:list_consents", "List consents, without the person."),
        "show": ("gateway.cli.consent:show", "Show a consent: its events, who relies on it, its tasks."),
        "preview": ("gateway.cli.consent:preview", "Show what would stop and go on if a consent ended."),
    },
)
_FLAG = _group(
    "flag",
    "Review flags of possible misuse.",
    {
        "list": ("gateway.cli.flag:list_flags", "List open flags, the latest first."),
        "review": ("gateway.cli.flag:review", "Close a flag, with its finding."),
        "name": ("gateway.cli.flag:name", "Show a practitioner's name as flags write it."),
    },
)
_ACCOUNT = _group(
    "account",
    "Show disclosures, with recipient, clause and law.",
    {
        "person": ("gateway.cli.account:person", "Show the disclosures about a person."),
        "request": ("gateway.cli.account:request", "Show what became of one request."),
        "agreement": ("gateway.cli.account:agreement", "Show the disclosures under an agreement."),
    },
)
_DECISION = _group(
    "decision",
    "Explain and export the decisions on record.",
    {
        "explain": ("gateway.cli.decision:explain", "Show each rule of a decision, and replay it."),
        "export": ("gateway.cli.decision:export", "Write decisions as an Authorization Decision Log."),
    },
)
_MISUSE = _group(
    "misuse",
    "Ask who stands behind a message, and answer.",
    {
        "messages": ("gateway.cli.misuse:messages", "Holder: list the messages of a flagged asker."),
        "ask": ("gateway.cli.misuse:ask", "Holder: ask the sender of a message who stands behind it."),
        "signature": ("gateway.cli.misuse:signature", "Holder: export a message's signature for a third party."),
        "list": ("gateway.cli.misuse:list_queries", "List queries about misuse, received and sent."),
        "answer": ("gateway.cli.misuse:answer", "Asker: name the practitioner to the holder."),
    },
)
_OUTBOX = _group(
    "outbox",
    "Look at queued messages and act on them.",
    {
        "list": ("gateway.cli.outbox:list_messages", "List queued messages, and peers that take nothing."),
        "show": ("gateway.cli.outbox:show", "Show a message and its steps at this node."),
        "retry": ("gateway.cli.outbox:retry", "Send a message again, with the same bytes."),
        "redirect": ("gateway.cli.outbox:redirect", "Send a message to another service, as a new one."),
        "close": ("gateway.cli.outbox:close", "Close a message, so that it is never sent."),
    },
)
_RESTRICTION = _group(
    "restriction",
    "Hide where persons live.",
    {
        "declare": ("gateway.cli.restriction:declare", "Restrict the place of the persons in a file."),
        "list": ("gateway.cli.restriction:list_restrictions", "List the restrictions in force."),
        "review": ("gateway.cli.restriction:review", "Say that a restriction stays, and set its next review."),
        "lift": ("gateway.cli.restriction:lift", "Lift a restriction, with a second administrator."),
    },
)
_BREAK_GLASS = _group(
    "break-glass",
    "Review questions asked by break-glass.",
    {
        "list": ("gateway.cli.break_glass:list_uses", "List uses that wait for a review, or bar their person."),
        "show": ("gateway.cli.break_glass:show", "Show a use: who asked, when and why."),
        "review": ("gateway.cli.break_glass:review", "Record a second person's review of a use."),
        "lift": ("gateway.cli.break_glass:lift", "End a suspension for a use that was not justified."),
    },
)
_ACCESS_ALERT = _group(
    "access-alert",
    "Say whose lookup raises an alert.",
    {
        "replace": (
            "gateway.cli.access_alert:replace",
            "Replace the list of colleagues, relatives, marked records.",
        ),
        "list": ("gateway.cli.access_alert:list_counts", "Count the persons on the list."),
    },
)
_SHARING = _group(
    "sharing",
    "Look at decisions to share or not to share.",
    {
        "list": ("gateway.cli.sharing:list_decisions", "List decisions, without the person."),
        "show": ("gateway.cli.sharing:show", "Show a decision: ground, reason, role, reviews."),
    },
)
_DELIVERY = _group(
    "delivery",
    "Look after queued messages at both ends.",
    {
        "reconcile": ("gateway.cli.delivery:reconcile", "Compare messages with case systems and recipients now."),
    },
)
_ADAPTER = _group(
    "adapter",
    "Check and fill the adapters to case systems.",
    {
        "check": ("gateway.cli.adapter:check", "Check each adapter against its case system."),
        "try": ("gateway.cli.adapter:try_source", "Search for one person, and explain the result."),
        "import": ("gateway.cli.adapter:import_source", "Fill the case database of an imported source."),
    },
)
_ON_CALL = _group(
    "on-call",
    "The channels that ring when an urgent item waits.",
    {
        "test": ("gateway.cli.on_call:test", "Ring each on-call channel as a test."),
    },
)
_MAINTENANCE = _group(
    "maintenance",
    "Announce when this node is away.",
    {
        "announce": ("gateway.cli.maintenance:announce", "Tell peers that this node will be away, and until when."),
        "end": ("gateway.cli.maintenance:end", "Announce no maintenance any more."),
        "show": ("gateway.cli.maintenance:show", "Show the maintenance that is announced."),
    },
)
_MESSAGE = _group(
    "message",
    "Follow alerts, referrals and notices.",
    {
        "timeline": ("gateway.cli.message:timeline", "Show every step of a message at this node."),
    },
)
_PLAY = _group(
    "play",
    "Check the plays: who gets what of an incident.",
    {
        "check": ("gateway.cli.play:check", "Check each play against the agreements in force."),
    },
)
_COMMANDS: Mapping[str, tuple[str, str] | LazyGroup] = {
    "init": ("gateway.cli.init:init", "Set up a new node."),
    "serve": ("gateway.cli.serve:serve", "Run the node or the trust anchor."),
    "nginx": ("gateway.cli.nginx:nginx", "Write the configuration of nginx for this node."),
    "upgrade": ("gateway.cli.upgrade:upgrade", "Migrate the store to this version, after a backup."),
    "backup": ("gateway.cli.backup:backup", "Write the store and the configuration to a signed file."),
    "restore": ("gateway.cli.backup:restore", "Restore a node or trust anchor from a backup and its keys."),
    "doctor": ("gateway.cli.doctor:doctor", "Check everything that must hold, and say what to do."),
    "trust": _TRUST,
    "agreement": _AGREEMENT,
    "law": _LAW,
    "client": _CLIENT,
    "lookup": ("gateway.cli.case_system.lookup:lookup", "Ask which services work with a person."),
    "consent": _CONSENT,
    "flag": _FLAG,
    "account": _ACCOUNT,
    "decision": _DECISION,
    "barriers": ("gateway.cli.decision:barriers", "List what was blocked, why, and what would unblock it."),
    "misuse": _MISUSE,
    "adapter": _ADAPTER,
    "outbox": _OUTBOX,
    "restriction": _RESTRICTION,
    "break-glass": _BREAK_GLASS,
    "access-alert": _ACCESS_ALERT,
    "sharing": _SHARING,
    "delivery": _DELIVERY,
    "relay": ("gateway.cli.outbox:relay", "Send queued messages until told to stop."),
    "on-call": _ON_CALL,
    "maintenance": _MAINTENANCE,
    "message": _MESSAGE,
    "ping": ("gateway.cli.ping:ping", "Check the way to one peer, up to its decision."),
    "play": _PLAY,
    "demo": ("gateway.cli.serve:demo", "Run a whole federation on this machine."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hearthgate")
def main() -> None:
    """Let the agencies that support the same person find each other, and share only what their agreements allow.

    Exit codes: 0 it was done, or everything holds; 1 it was refused, or something does not hold, and the output says
    why and what to do; 2 the command was not understood.
    """
