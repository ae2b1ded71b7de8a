"""Access to an agency's own case systems, behind one small contract."""
