"""The tests' PostgreSQL is a real one with durable settings."""

import sqlalchemy as sa


def test_the_server_answers_and_keeps_durable_settings(postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.connect() as connection:
        names = ("fsync", "synchronous_commit", "full_page_writes")
        settings = {name: connection.execute(sa.text(f"SHOW {name}")).scalar_one() for name in names}
    engine.dispose()
    assert settings == dict.fromkeys(names, "on")
