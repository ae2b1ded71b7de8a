"""HTTP to other nodes and to case systems: the guard, the bounded transport, and the client with its tokens."""
