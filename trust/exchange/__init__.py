"""What two nodes say to each other: the person, the message, the reply, the receipt, and each kind of exchange."""
