"""A holder's inbound path, and a peer that writes to it by hand."""

from tests.simulator.inbound import hand, inbound, seen, sender

__all__ = ["hand", "inbound", "seen", "sender"]
