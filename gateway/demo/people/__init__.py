"""The invented residents, and the truth about the services that work with them."""
