"""Pure rules that decide whether a candidate of a source is the subject."""
