"""Referrals: asking a service to take a person on, and what becomes of that."""
