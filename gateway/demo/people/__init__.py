"""The invented residents, and the truth about who works with them."""
