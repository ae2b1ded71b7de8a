"""The private keys of a node or an authority: files, their dates, and the vault that signs with them."""

from gateway.keys.files import (
    ANCHOR_KEYS,
    NODE_KEYS,
    STATE_FILE,
    KeyFile,
    KeyFilesRefused,
    create_keys,
    read_private,
    refuse_open_files,
)
from gateway.keys.vault import FileKeyVault, open_vault

__all__ = [
    "ANCHOR_KEYS",
    "NODE_KEYS",
    "STATE_FILE",
    "FileKeyVault",
    "KeyFile",
    "KeyFilesRefused",
    "create_keys",
    "open_vault",
    "read_private",
    "refuse_open_files",
]
