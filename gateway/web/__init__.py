"""What every HTTP face needs: guards, bodies, headers, problem documents."""
