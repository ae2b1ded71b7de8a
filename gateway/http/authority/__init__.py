"""The API of a trust anchor or intermediate."""
