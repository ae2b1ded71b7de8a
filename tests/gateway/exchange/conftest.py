"""A holder's inbound path, and a peer that writes to it by hand."""

from tests.simulator.inbound import caller, hand, inbound, seen

__all__ = ["caller", "hand", "inbound", "seen"]
