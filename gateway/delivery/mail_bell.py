"""The on-call channel by mail: one short message over SMTP, with verified TLS."""

import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Literal

from gateway.delivery.on_call import BellFailed, BellStep, headline, sentence
from trust.federation.opening_hours import Fallback

TIMEOUT_S = 5.0
"""Seconds that each answer of the mail server may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A mail server and the account there; ``address`` is where the name is reached, ``login`` user and password."""

    host: str
    port: int
    security: Literal["tls", "starttls"]
    tls: ssl.SSLContext
    login: tuple[str, str] | None = None


def mail_tls(ca: Path | None) -> ssl.SSLContext:
    """Make the TLS context towards a mail server; ``ca`` replaces the system's roots. Raises ``OSError``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.load_verify_locations(cafile=ca)
    return context


class MailBell:
    """Ring by a message to fixed addresses."""

    channel = "mail"

    def __init__(
        self, *, server: MailServer, service: str, fallback: Fallback, sender: str, recipients: tuple[str, ...]
    ) -> None:
        self._server = server
        self._service = service
        self._fallback = fallback
        self._sender = sender
        self._recipients = recipients

    def ring(self, reference: str, step: BellStep, now: datetime) -> None:
        """Send the message. Raises :class:`BellFailed` where the server did not take it for any address."""
        message = self._message(reference, step, now)
        try:
            connection = self._connect()
        except (OSError, smtplib.SMTPException) as failed:
            raise BellFailed(self._failure(failed)) from failed
        try:
            connection.send_message(message, self._sender, self._recipients)
        except (OSError, smtplib.SMTPException) as failed:
            raise BellFailed(self._failure(failed)) from failed
        finally:
            _quit(connection)

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=server.tls)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
        try:
            if server.security == "starttls":
                connection.starttls(context=server.tls)  # raises where the server does not offer it
            if server.login is not None:
                connection.login(*server.login)
        except BaseException:
            connection.close()
            raise
        return connection

    def _message(self, reference: str, step: BellStep, now: datetime) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = headline(reference, step)
        message["From"] = self._sender
        message["To"] = ", ".join(self._recipients)
        message["Date"] = format_datetime(now)
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        message.set_content(
            f"{headline(reference, step)}.\n{sentence(step, self._fallback)}\nService: {self._service}\n"
        )
        return message

    def _failure(self, failed: Exception) -> str:
        """Return a sentence without the server's own text, which may repeat an address."""
        code = failed.smtp_code if isinstance(failed, smtplib.SMTPResponseException) else None
        if isinstance(failed, smtplib.SMTPRecipientsRefused):
            reason = "it refused every address"
        elif code is not None:
            reason = f"it answered {code}"
        elif isinstance(failed, ssl.SSLError):
            reason = "its certificate could not be verified"
        else:
            reason = f"it could not be reached ({type(failed).__name__})"
        return f"the mail server {self._server.host}:{self._server.port} did not take the message: {reason}"


def _quit(connection: smtplib.SMTP) -> None:
    """End the session: after the message was taken, no answer to QUIT is a failure (421 among them)."""
    try:
        connection.quit()
    except (OSError, smtplib.SMTPException):
        connection.close()
