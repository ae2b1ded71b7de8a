"""OpenID Federation 1.0: trust chains, and the metadata of members."""
