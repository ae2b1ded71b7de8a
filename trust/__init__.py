"""Pure rules: bytes, trusted state and the time in, a typed value or a TrustError out."""
