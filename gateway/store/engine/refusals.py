"""Errors of a store that cannot be used, in sentences for its administrator."""


class StoreRefused(Exception):
    """The store cannot be opened as it is; ``str()`` says what to do."""


class StoreUnmigrated(StoreRefused):
    """The tables are missing or belong to another version of the program."""


class StoreUnsafe(StoreRefused):
    """The database library or its settings could lose or damage acknowledged work."""


class StoreOutcomeUnknown(Exception):
    """The connection died during the commit: the work is on disk as a whole or not at all, and only its id can tell.

    A caller repeats the whole exchange under the same message id; the claim on that id resolves it.
    """
