"""The story that the demo tells, its invented population, and the case systems it runs."""
