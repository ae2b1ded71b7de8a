"""Agreements: the data that may be shared, the parties, the purpose and the legal basis."""
