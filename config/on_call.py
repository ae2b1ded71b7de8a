"""Settings of the on-call channels of a service: ``[services.on_call]``."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from config.fields import Label, Phone, parse_host
from config.tables import Frozen
from trust.federation.opening_hours import Fallback

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_WEBHOOK = re.compile(r"https://[a-z0-9.-]+(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~-]+)*")


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("write a mail address such as duty@council.example")
    return text


def _mail_host(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        return parse_host(text)
    return text


def _webhook(text: str) -> str:
    if not _WEBHOOK.fullmatch(text) or len(text) > 256:  # noqa: PLR2004 - as long as other addresses may be
        raise ValueError("write an address such as https://on-call.council.example/hooks/duty, without query or '#'")
    return text.replace(":443", "", 1) if re.match(r"https://[^/]*:443(?:/|\Z)", text) else text


MailAddress = Annotated[str, AfterValidator(_address)]


class MailSettings(Frozen):
    """``[services.on_call.mail]``: the mail server that takes the ring, always over verified TLS.

    ``credentials`` is a file with ``user:password``; ``ca`` replaces the system's roots.
    """

    host: Annotated[str, AfterValidator(_mail_host)]
    port: int = Field(default=465, ge=1, le=65_535)
    security: Literal["tls", "starttls"] = "tls"
    credentials: Path | None = None
    ca: Path | None = None
    sender: MailAddress
    recipients: tuple[MailAddress, ...] = Field(min_length=1, max_length=10)


class WebhookSettings(Frozen):
    """``[services.on_call.webhook]``: the address that takes the ring as a signed POST."""

    url: Annotated[str, AfterValidator(_webhook)]
    ca: Path | None = None


class OnCallSettings(Frozen):
    """``[services.on_call]``: who is rung when an urgent item waits, and the person to telephone when that fails."""

    fallback_name: Label
    fallback_phone: Phone
    mail: MailSettings | None = None
    webhook: WebhookSettings | None = None

    @model_validator(mode="after")
    def _some_channel(self) -> Self:
        if self.mail is None and self.webhook is None:
            raise ValueError("give mail, webhook or both")
        return self

    def fallback(self) -> Fallback:
        """Return the person to telephone, as the node publishes it."""
        return Fallback(name=self.fallback_name, phone=self.fallback_phone)


class AccessAlertSettings(Frozen):
    """``[access_alerts]``: the mail to the person who reviews lookups of colleagues, relatives and marked records."""

    mail: MailSettings
