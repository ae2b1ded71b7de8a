"""A configuration file becomes settings, or one message that names all its faults."""

from pathlib import Path

import pytest

from config.loading import ConfigError, load
from config.settings import AnchorSettings, NodeSettings

NODE = """
[node]
entity_id = "https://council.example"
name = "Northmoor Council"

[peer]
bind = "127.0.0.1:18443"
certificate = "peer.pem"
key = "peer.key"

[case]
bind = "127.0.0.1:18444"
base_url = "https://case.council.example"
certificate = "peer.pem"
key = "peer.key"

[operations]
bind = "127.0.0.1:18445"

[trust]
anchors = [{ entity_id = "https://anchor.example", jwks = "anchor.json" }]

[hosts]
"police.example" = { address = "127.0.0.1:18543", reason = "the demo runs every agency here" }

[[services]]
slug = "money-advice"
name = "Money Advice"
kind = "money-advice"
duty_phone = "01632 960 001"
adapter = { type = "sql", settings = { url = "sqlite:///advice.db" } }
"""


def written(folder: Path, text: str) -> Path:
    for name in ("peer.pem", "peer.key", "anchor.json"):
        (folder / name).write_text("", encoding="utf-8")
    path = folder / "node.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_correct_file_becomes_frozen_settings(tmp_path: Path) -> None:
    settings = load(written(tmp_path, NODE), {})
    assert isinstance(settings, NodeSettings)
    assert settings.services[0].slug == "money-advice"
    assert settings.base_dir == tmp_path.resolve()
    with pytest.raises(ValueError, match="frozen"):
        settings.peer = settings.peer  # type: ignore[misc]


def test_an_anchor_has_settings_of_its_own(tmp_path: Path) -> None:
    text = """
role = "anchor"
anchor = { entity_id = "https://anchor.example", name = "Partnership anchor" }
peer = { bind = "127.0.0.1:18443", certificate = "peer.pem", key = "peer.key" }
operations = { bind = "127.0.0.1:18445" }
"""
    assert isinstance(load(written(tmp_path, text), {}), AnchorSettings)


def test_six_mistakes_are_named_in_one_message_without_their_values(tmp_path: Path) -> None:
    text = (
        NODE.replace("https://council.example", "http://council.example/?secret")
        .replace('bind = "127.0.0.1:18445"', 'bind = "127.0.0.1:18444"')
        .replace('duty_phone = "01632 960 001"', 'duty_phone = "ring Sam"')
        .replace('name = "Northmoor Council"', 'name = "Northmoor Council"\ncolour = "green"')
        .replace('key = "peer.key"\n\n[operations]', 'key = "absent.key"\nworkers = 0\n\n[operations]')
    )
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, text), {})
    said = str(refused.value)
    places = ("node.entity_id", "127.0.0.1:18444", "services[1].duty_phone", "node.colour", "case.workers")
    for place in (*places, "case.key: there is no such file"):
        assert place in said
    assert len(refused.value.faults) == 6
    assert "secret" not in said
    assert "ring Sam" not in said


def test_a_missing_key_file_is_named_by_its_setting(tmp_path: Path) -> None:
    path = written(tmp_path, NODE)
    (tmp_path / "anchor.json").unlink()
    with pytest.raises(ConfigError, match=r"trust\.anchors\[1\]\.jwks: there is no such file"):
        load(path, {})


def test_an_entity_that_is_served_has_no_path(tmp_path: Path) -> None:
    path = written(tmp_path, NODE.replace('"https://council.example"', '"https://council.example/node"', 1))
    with pytest.raises(ConfigError, match=r"node\.entity_id: .*must have no path"):
        load(path, {})


def test_two_services_of_one_name_are_refused(tmp_path: Path) -> None:
    service = NODE[NODE.index("[[services]]") :]
    with pytest.raises(ConfigError, match="2 services have the slug money-advice"):
        load(written(tmp_path, NODE + service), {})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://hearthgate:open-sesame@db.example/node",
        "postgresql://hearthgate:open-sesame@db1.example:5432,db2.example:5432/node",
        "postgresql://hearthgate@db1.example,db2.example/node?sslmode=require&password=open-sesame",
    ],
)
def test_a_password_in_the_store_address_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    text = f'{NODE}\n[store]\nurl = "{url}"\n'
    with pytest.raises(ConfigError, match="passfile") as refused:
        load(written(tmp_path, text), {})
    assert "open-sesame" not in str(refused.value)


def test_the_environment_overlays_single_settings(tmp_path: Path) -> None:
    settings = load(written(tmp_path, NODE), {"HEARTHGATE_PEER__WORKERS": "4", "PATH": "/bin"})
    assert settings.peer.workers == 4


@pytest.mark.parametrize("variable", ["HEARTHGATE_PEER", "HEARTHGATE_SERVICES__SLUG", "HEARTHGATE_PEER__COLOUR"])
def test_a_variable_that_sets_nothing_is_a_fault(tmp_path: Path, variable: str) -> None:
    with pytest.raises(ConfigError):
        load(written(tmp_path, NODE), {variable: "x"})


@pytest.mark.parametrize("text", ["[node", "\x00", "role = 3"])
def test_what_is_not_a_configuration_is_said_so(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        load(written(tmp_path, text), {})


def test_operations_off_loopback_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="loopback only"):
        load(written(tmp_path, NODE.replace("127.0.0.1:18445", "10.0.0.1:18445")), {})


@pytest.mark.parametrize("name", ["agreement", "clause", "role"])
def test_a_restriction_by_a_name_that_nothing_can_have_is_a_mistake(tmp_path: Path, name: str) -> None:
    rule = {"agreement": "vale-early-help", "clause": "who-else", "role": "key-worker", name: "Key Worker"}
    lines = "".join(f'{member} = "{value}"\n' for member, value in rule.items())
    path = written(tmp_path, f'{NODE}\n[[services.restrictions]]\n{lines}reason = "A local decision"\n')
    with pytest.raises(ConfigError) as refused:
        load(path, {})
    [fault] = refused.value.faults
    assert fault.startswith(f"services[1].restrictions[1].{name}: ")


ANCHOR = """
role = "anchor"
[anchor]
entity_id = "https://anchor.example"
name = "Vale Partnership"
[peer]
bind = "127.0.0.1:18443"
certificate = "peer.pem"
key = "peer.key"
[operations]
bind = "127.0.0.1:18445"
"""
EXCEPTIONS = """
[networks]
"trust.example" = { networks = ["10.20.30.0/28", "100.64.7.0/24", "fd12:3456:789a:1::/64"], reason = "the NHS network" }
[proxy]
address = "10.0.0.9:3128"
reason = "the agency lets nothing out but through it"
"""


@pytest.mark.parametrize("whole", [NODE, ANCHOR])
def test_a_node_and_an_authority_make_the_same_exceptions(tmp_path: Path, whole: str) -> None:
    settings = load(written(tmp_path, whole + EXCEPTIONS), {})
    assert settings.networks["trust.example"].networks[0] == "10.20.30.0/28"
    assert settings.proxy is not None


@pytest.mark.parametrize(
    ("network", "why"),
    [
        ("0.0.0.0/0", "only private networks"),
        ("::/0", "only private networks"),
        ("10.0.0.0/8", "/24 or smaller"),
        ("10.20.0.0/16", "/24 or smaller"),
        ("172.16.0.0/23", "/24 or smaller"),
        ("fd12:3456::/32", "/64 or smaller"),
        ("10.20.30.1/28", "no bit set beyond its prefix"),
        ("1.1.1.0/24", "only private networks"),
        ("172.32.0.0/24", "only private networks"),
        ("127.0.0.0/24", "only private networks"),
        ("127.0.0.1/32", "only private networks"),
        ("::1/128", "only private networks"),
        ("169.254.169.254/32", "only private networks"),
        ("168.63.129.16/32", "only private networks"),
        ("192.0.0.0/24", "only private networks"),
        ("fe80::/64", "only private networks"),
        ("ff00::/64", "only private networks"),
        ("::ffff:10.20.30.0/124", "only private networks"),
        ("10.20.30.0-10.20.30.9", "write a network"),
        ("trust.example", "write a network"),
    ],
)
def test_a_network_that_is_not_a_peers_own_is_a_mistake(tmp_path: Path, network: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, NODE + EXCEPTIONS.replace("10.20.30.0/28", network)), {})
    [fault] = refused.value.faults
    assert fault.startswith("networks.trust.example.networks[1]: ")
    assert why in fault
    assert network not in fault or why == "write a network"


@pytest.mark.parametrize(
    ("was", "becomes", "fault"),
    [
        ("trust.example", "police.example", "networks.police.example: [hosts] leads this name to one exact address"),
        ("trust.example", "trust", "networks.trust."),
        (', reason = "the NHS network"', "", "networks.trust.example.reason: this setting is required"),
        ('"the NHS network"', '"why not"', "networks.trust.example.reason: "),
        ("10.0.0.9:3128", "proxy.council.example:3128", "proxy.address: "),
        ("10.0.0.9:3128", "http://10.0.0.9:3128", "proxy.address: "),
        ('reason = "the agency', 'credentials = "none.txt"\nreason = "the agency', "proxy.credentials: there is no"),
        ('reason = "the agency', 'password = "x"\nreason = "the agency', "proxy.password: there is no such setting"),
    ],
)
def test_an_exception_that_is_not_whole_is_a_mistake(tmp_path: Path, was: str, becomes: str, fault: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, NODE + EXCEPTIONS.replace(was, becomes)), {})
    [only] = refused.value.faults
    assert only.startswith(fault)


def test_the_environment_names_no_proxy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="HEARTHGATE_PROXY__ADDRESS"):
        load(written(tmp_path, NODE), {"HEARTHGATE_PROXY__ADDRESS": "10.0.0.9:3128"})
