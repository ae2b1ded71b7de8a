"""Trust: joining a federation, deciding who is a member, and seeing who vouches for whom."""
