"""Common parts of every HTTP API: guards, bodies, headers, problem documents."""
