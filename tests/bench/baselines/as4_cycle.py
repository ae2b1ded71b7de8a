"""Rounds of ``as4``'s whole cycle, in one process and without HTTP or a store.

Run in that library's own environment: ``python as4_cycle.py PAYLOAD``. Each line of standard input is a number of
messages; each line of standard output is the JSON ``{"messages": ..., "elapsed_s": ...}`` of that round.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from time import perf_counter

from as4 import AS4ExternalParty, AS4InternalParty, AS4LocalPrivateKey, SecurityPolicy, pinned_certificates
from as4.peppol import (
    BusdoxDocidQnsDocumentIdentifier,
    PeppolAS4MessageBuilderArgs,
    PeppolAS4Profile,
    PeppolSendingExchange,
    create_peppol_external_party,
    create_peppol_internal_party,
    parse_peppol_message,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_DOCUMENT = "urn:example:alert::alert##urn:example:alert::1.0"
_KEY_BITS = 2_048
_DAY = timedelta(days=1)


class Cycle:
    """Two access points that trust each other's certificate, which is the cheapest trust that the library offers."""

    def __init__(self, payload: bytes) -> None:
        self._payload = f"<alert xmlns='urn:example:alert'>{escape(payload.decode())}</alert>".encode()
        self._sender, _ = _party("POP000001")
        self._recipient, self._recipient_seen = _party("POP000002")
        self._policy = SecurityPolicy(signer_resolver=pinned_certificates(self._sender.credentials.certificate))
        self._header = PeppolAS4MessageBuilderArgs(
            sender="9932:1111111111",
            recipient="9932:2222222222",
            document_type_identifier=BusdoxDocidQnsDocumentIdentifier.from_identifier_value(_DOCUMENT),
            document_identification_instance_identifier="one",
            process_identifier="urn:example:alerting",
            c1_country_id="GB",
        )

    def message(self) -> str:
        """Send one message and verify its receipt; return its id as its recipient read it."""
        sending = PeppolSendingExchange(
            profile=PeppolAS4Profile, local_party=self._sender, remote_party=self._recipient_seen
        )
        headers, body = sending.build(self._payload, self._header)
        received = parse_peppol_message(headers, body, self._recipient, security_policy=self._policy)
        _, signal = received.build_signal()
        if not sending.receive_signal(signal).successful or not received.successful:
            raise RuntimeError(f"as4 refused its own message: {received.errors}")
        return str(received.message_id)


def _party(name: str) -> tuple[AS4InternalParty, AS4ExternalParty]:
    """Return a party as it knows itself, and as others know it."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=_KEY_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .sign(key, hashes.SHA256())
    )
    own = create_peppol_internal_party(name, certificate, AS4LocalPrivateKey(key))
    return own, create_peppol_external_party(name, certificate)


def main() -> None:
    """Run a round for each line of standard input."""
    cycle = Cycle(Path(sys.argv[1]).read_bytes())
    for line in sys.stdin:
        began = perf_counter()
        messages = {cycle.message() for _ in range(int(line))}
        print(json.dumps({"messages": len(messages), "elapsed_s": perf_counter() - began}), flush=True)


if __name__ == "__main__":
    main()
