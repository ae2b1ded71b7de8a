"""Headers of every response of every API (ASVS 5.0 V3.4, V4.1, V14.3)."""

SECURITY: tuple[tuple[str, str], ...] = (
    # No response may be cached on the way; a public, signed document states otherwise itself.
    ("Cache-Control", "no-store"),
    # No response is a page: in a browser it loads nothing and is shown in no frame.
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("Strict-Transport-Security", "max-age=63072000"),
    ("X-Content-Type-Options", "nosniff"),
)
REQUEST_ID = "X-Request-Id"
