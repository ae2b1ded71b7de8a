"""The peer API: tokens, messages, agreements and queries of other nodes."""
