"""The doctor's lines, by state and name."""

from tests.gateway.cli.conftest import Partnership, hearthgate


def looked(partnership: Partnership, name: str = "council") -> dict[str, dict[str, str]]:
    """Run the doctor and return its lines by state and name."""
    answer = hearthgate("doctor", "--config", partnership.config(name), "--json", SUDO_USER="ann")
    found: dict[str, dict[str, str]] = {"ok": {}, "warning": {}, "fault": {}}
    for line in (line for section in answer.json["sections"].values() for line in section):
        found[line["state"]][line["name"]] = line["detail"]
        assert bool(line["remedy"]) is (line["state"] != "ok"), line
    assert answer.code == (1 if found["fault"] else 0)
    assert (answer.json["failed"], answer.json["warnings"]) == (
        sum(line["state"] == "fault" for section in answer.json["sections"].values() for line in section),
        sum(line["state"] == "warning" for section in answer.json["sections"].values() for line in section),
    )
    return found


def failing(partnership: Partnership, name: str = "council") -> dict[str, str]:
    return looked(partnership, name)["fault"]
