"""``hearthgate trust``: its commands, for a node and for a trust anchor."""

import click

from gateway.cli.main import LazyGroup

_COMMANDS = {
    "join": (
        "gateway.cli.trust.join:join",
        "Pin an anchor, and ask an authority to vouch for this agency.",
    ),
    "show": ("gateway.cli.trust.show:show", "Node: who vouches for whom, as a tree, with marks, and until when."),
    "check": ("gateway.cli.trust.check:check", "Node: follow the chain of one entity step by step."),
    "pending": ("gateway.cli.trust.admission:pending", "Authority: who waits to be admitted."),
    "admit": ("gateway.cli.trust.admission:admit", "Authority: vouch for an agency whose thumbprints were compared."),
    "dismiss": ("gateway.cli.trust.admission:dismiss", "Authority: forget a request to be admitted."),
    "suspend": ("gateway.cli.trust.ruling:suspend", "Authority: stop vouching for a member, until it is readmitted."),
    "readmit": ("gateway.cli.trust.ruling:readmit", "Authority: vouch again for a suspended member."),
    "remove": ("gateway.cli.trust.ruling:remove", "Authority: end a membership for good."),
    "revoke": ("gateway.cli.trust.member_key:revoke", "Authority: end the trust in a key of a member, for good."),
    "list": ("gateway.cli.trust.members:list_members", "Authority: the members, their states and terms."),
    "changes": ("gateway.cli.trust.changes:list_changes", "What waits for a second administrator or a review."),
    "approve": ("gateway.cli.trust.changes:approve", "Make a change that another administrator asked for."),
    "decline": ("gateway.cli.trust.changes:decline", "Give up a change that was asked for."),
    "review": ("gateway.cli.trust.changes:review", "Note that you looked at another administrator's emergency."),
    "second": ("gateway.cli.trust.changes:second", "Authority: approve a change of a member's only administrator."),
    "administrator": ("gateway.cli.trust.administrator:administrator", "Register an administrator's own key."),
    "mark": ("gateway.cli.trust.mark.group:mark", "Trust marks: issue, revoke, delegate, list."),
    "bundle": ("gateway.cli.trust.bundle.group:bundle", "Carry statements to a node without a route to the anchor."),
    "key": ("gateway.cli.trust.key.group:key", "The keys of this node or authority: see, rotate, revoke."),
    "anchor": ("gateway.cli.trust.anchor.group:anchor", "An authority: set it up, hand out its pin, replace its keys."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def trust() -> None:
    """Join a federation, decide who is a member, and see who vouches for whom."""
