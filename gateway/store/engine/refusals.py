"""Errors of a store that cannot be used, in sentences for its administrator."""


class StoreRefused(Exception):
    """The store cannot be opened as it is; ``str()`` says what to do."""


class StoreUnmigrated(StoreRefused):
    """The tables are missing or belong to another version of the program."""


class StoreUnsafe(StoreRefused):
    """The database library or its settings could lose or damage acknowledged work."""
