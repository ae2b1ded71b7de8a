"""Is this the same person? Pure rules over one subject and the candidates that a source found."""
