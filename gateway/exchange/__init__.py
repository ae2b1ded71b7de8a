"""One path for every kind of exchange: a peer's message in, ours out."""
