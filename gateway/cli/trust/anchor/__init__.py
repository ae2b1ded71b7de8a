"""A trust anchor or an intermediate: set it up, give out its pin, replace its keys with its recovery key."""
