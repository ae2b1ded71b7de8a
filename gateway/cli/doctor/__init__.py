"""The doctor: every line a real check of what must be true, with what to do when it is not."""
