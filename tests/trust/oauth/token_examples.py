"""The parties and keys of the token tests."""

from tests.trust.makers import NOW, NOW_S, key_set, signer
from trust.identifiers import AgreementId, KindName, PurposeCode
from trust.keys import KeyUse
from trust.oauth.authorization_details import AuthorizationDetail

__all__ = ["CLIENT", "DETAIL", "ISSUER", "KEYS", "NOW", "NOW_S", "OAUTH"]

CLIENT = "https://council.example"
ISSUER = "https://police.example"
OAUTH = signer(KeyUse.OAUTH)
KEYS = key_set(OAUTH)
DETAIL = AuthorizationDetail(
    agreement_id=AgreementId("eight-key-workers"),
    agreement_version=3,
    agreement_digest="ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
    purpose=PurposeCode("early-help"),
    kinds=frozenset({KindName("involvement.query"), KindName("eligibility.query")}),
)
