"""Ways into an agency's own case systems, each behind one small contract."""
