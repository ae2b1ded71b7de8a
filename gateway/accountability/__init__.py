"""Accounting for questions: rate limits, sampling, flags and disclosures."""
