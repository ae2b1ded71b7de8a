"""Agreements that this node holds: which bind, their signatures, and their endings."""
