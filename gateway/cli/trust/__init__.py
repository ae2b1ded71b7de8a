"""Trust: joining a federation, deciding who is a member, and seeing the superiors of each."""
