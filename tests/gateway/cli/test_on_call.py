"""`on-call test` rings each channel, and the doctor counts one as absent until its test worked."""

from pathlib import Path

from tests.gateway.cli.conftest import COUNCIL, POLICE, Partnership, hearthgate
from tests.gateway.cli.doctor import looked
from tests.gateway.delivery.servers import HOST, Mailbox, mail_server, server_context

CHANNEL = "families: the on-call channel by mail was tested within seven days"


def configure(config: Path, port: int) -> None:
    config.write_text(
        config.read_text().replace(
            "[services.adapter]\n",
            f"""
[services.on_call]
fallback_name = "Duty Manager"
fallback_phone = "01632 960777"

[services.on_call.mail]
host = "{HOST}"
port = {port}
ca = "../on-call-ca.crt"
sender = "hearthgate@council.example"
recipients = ["duty@council.example"]

[services.adapter]
""",
            1,
        )
    )


def test_a_channel_is_absent_until_its_test_worked(whole: Partnership) -> None:
    config, box = whole.config("council"), Mailbox()
    (config.parent.parent / "on-call-ca.crt").write_bytes(whole.authority.certificate.read_bytes())
    with mail_server(box, tls=server_context(whole.authority, HOST)) as port:
        configure(config, port)
        assert "never tested" in looked(whole, "council")["fault"][CHANNEL]
        answer = hearthgate("on-call", "test", "--config", config)
        assert (answer.code, len(box.messages)) == (0, 1)
        assert "families: mail took the test" in answer.out
        assert CHANNEL in looked(whole, "council")["ok"]
    failed = hearthgate("on-call", "test", "--service", "families", "--config", config)
    assert failed.code == 1
    assert "could not be reached" in failed.out
    assert "last test failed" in looked(whole, "council")["fault"][CHANNEL]


def test_a_node_without_a_channel_says_how_to_set_one_up(partnership: Partnership) -> None:
    answer = hearthgate("on-call", "test", "--config", partnership.config("council"))
    assert answer.code == 1
    assert "[services.on_call]" in answer.err


def test_a_service_that_receives_messages_and_has_no_channel_is_a_warning(whole: Partnership) -> None:
    name = "services that receive messages have an on-call channel"
    assert name in looked(whole, "council")["ok"]
    clause = {
        "id": "alerts",
        "kind": "alert",
        "version": 1,
        "purpose": "early-help",
        "askers": [f"{POLICE}#neighbourhood"],
        "holders": [f"{COUNCIL}#families"],
        "topics": ["safeguarding"],
        "fields_by_role": {"officer": ["circumstances", "persons.victim"]},
        "respond_within": "4 working hours",
        "basis": ["6-1-e", "ca2004-s10"],
        "existence": "unconditional",
        "keep_days": 90,
        "onward": "none",
    }
    document = whole.agreement(id="vale-alerts", clauses=[clause])
    signatures = [whole.signature(each, document) for each in ("council", "police")]
    config = whole.config("council")
    assert hearthgate("agreement", "add", document, *signatures, "--config", config, "--yes").code == 0
    assert "families" in looked(whole, "council")["warning"][name]
