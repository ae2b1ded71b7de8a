"""What a superior does: statements, members, suspensions and trust marks, without Flask."""
