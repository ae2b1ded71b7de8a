"""A message that rests with a third party: a nested JWT, for its recipient's eyes only (WIRE.md section 3).

The message is signed first and then encrypted, so that the third party sees neither the person nor the signer
(RFC 7519 section 11.2, RFC 7516). Encryption proves nothing about the sender: any party can encrypt to a published key.
The decrypted message is opened by every rule for a message, and names its recipient in its signed `aud`. If the
recipient encrypts it again for another party, that party rejects it.
"""

from collections.abc import Sequence
from datetime import datetime

from trust import jose
from trust.decrypter import Decrypter
from trust.errors import UnknownKey, shown
from trust.exchange.message import Message, OpenedMessage, build_message, open_message
from trust.identifiers import EntityId
from trust.keys import KeySet, PublicKey, Signer


def build_nested(message: Message, signer: Signer, *, recipient: PublicKey) -> bytes:
    """Sign ``message`` and encrypt it for a key of its recipient; raise ``KeyPurposeMismatch`` for any other key."""
    return jose.encrypt(build_message(message, signer), recipient=recipient)


def unwrap(raw: bytes, *, keys: Sequence[Decrypter]) -> bytes:
    """Return the signed message inside, still to be opened, to read whose keys may prove it.

    ``keys`` are all that this node may still be written to with, retired ones too. Raises ``TrustError`` only.
    """
    kid = jose.peek_key_id(raw)
    key = next((each for each in keys if each.kid == kid), None)
    if key is None:
        raise UnknownKey(f"It is encrypted for the key {shown(kid)}, which is not this node's.")
    return jose.decrypt(raw, key=key)


def open_nested(
    raw: bytes, *, keys: Sequence[Decrypter], sender_keys: KeySet, own_id: EntityId, now: datetime
) -> OpenedMessage:
    """Decrypt and then verify a message as :func:`trust.exchange.message.open_message` does.

    Its digest is that of the signed bytes inside: encrypting them again makes no other message of them. Raises
    ``TrustError`` only.
    """
    return open_message(unwrap(raw, keys=keys), sender_keys=sender_keys, own_id=own_id, now=now)
