"""Documents between two nodes: the person, the message, the reply, the receipt, and each kind of exchange."""
