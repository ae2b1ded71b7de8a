"""The headers that every answer of every face carries, whoever wrote it (ASVS 5.0 V3.4, V4.1, V14.3)."""

SECURITY: tuple[tuple[str, str], ...] = (
    # Nothing that a face says may rest in a cache on the way; what is public and signed says otherwise itself.
    ("Cache-Control", "no-store"),
    # No answer is a page: whatever a browser is led to do with one loads nothing and is shown in no frame.
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("Strict-Transport-Security", "max-age=63072000"),
    ("X-Content-Type-Options", "nosniff"),
)
REQUEST_ID = "X-Request-Id"
