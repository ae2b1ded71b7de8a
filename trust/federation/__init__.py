"""OpenID Federation 1.0: who vouches for whom, and what a member says of itself."""
