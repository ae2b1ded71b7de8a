"""The private keys of a node or an authority: files, their dates, and the vault that signs with them."""
