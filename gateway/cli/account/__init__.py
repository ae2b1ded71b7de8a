"""``hearthgate account``."""
