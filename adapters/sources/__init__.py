"""Ways of reaching a case system: a database, a file, a web service."""
