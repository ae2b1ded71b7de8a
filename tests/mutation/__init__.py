"""Mutation testing of the rules of agreements: every small change of them must make a test fail."""
