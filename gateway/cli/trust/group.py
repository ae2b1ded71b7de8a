"""``hearthgate trust``: its commands, for a node and for a trust anchor."""

import click

from gateway.cli.main import LazyGroup

_COMMANDS = {
    "join": ("gateway.cli.trust.join:join", "Node: pin an anchor, and ask an authority to vouch for this agency."),
    "show": ("gateway.cli.trust.show:show", "Node: who vouches for us and for our peers, and until when."),
    "check": ("gateway.cli.trust.check:check", "Node: follow the chain of one entity step by step."),
    "admit": ("gateway.cli.trust.members:admit", "Anchor: vouch for an agency whose thumbprints were compared."),
    "suspend": ("gateway.cli.trust.members:suspend", "Anchor: stop vouching for a member."),
    "readmit": ("gateway.cli.trust.members:readmit", "Anchor: vouch again for a suspended member."),
    "list": ("gateway.cli.trust.members:list_members", "Anchor: the members and their states."),
    "key": ("gateway.cli.trust.key.group:key", "The keys of this node or authority: see, rotate, revoke."),
    "anchor-keys": ("gateway.cli.trust.anchor_keys:anchor_keys", "Anchor: write the public keys that members pin."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def trust() -> None:
    """Join a federation, decide who is a member, and see who vouches for whom."""
