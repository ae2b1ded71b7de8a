"""The work of a superior, without Flask: statements, members, suspensions and trust marks."""
