"""From settings to the on-call bells of a node's services."""

import ssl
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from config.loading import ConfigError
from config.on_call import MailSettings, WebhookSettings
from config.settings import NodeSettings, Service
from gateway.accountability.access_alerts import NONE as NO_ACCESS_ALERTS
from gateway.accountability.access_alerts import AccessAlerts
from gateway.accountability.break_glass import NONE as NO_BREAK_GLASS
from gateway.accountability.break_glass import BreakGlass, BreakGlassNotice, Reviewers
from gateway.app.wiring import pinned_tls
from gateway.delivery.mail_bell import MailBell, MailServer, mail_tls
from gateway.delivery.on_call import Bell, BellStep, OnCall
from gateway.delivery.webhook_bell import WebhookBell, WebhookSender
from gateway.keys.files import KeyFilesRefused, read_private
from gateway.peers.case_system_client import CaseSystemCaller
from gateway.peers.exemptions import host_addresses
from gateway.peers.ssrf import parse_url
from gateway.ports import KeyVault, Store
from trust.federation.opening_hours import Fallback
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import KeyUse

MAX_CREDENTIALS = 512
_NO_FALLBACK = Fallback(name="", phone="")
"""No step of break-glass names one."""
_STEPS = {BreakGlassNotice.USED: BellStep.BREAK_GLASS, BreakGlassNotice.UNREVIEWED: BellStep.BREAK_GLASS_LATE}


def build_on_call(settings: NodeSettings, vault: KeyVault, store: Store) -> OnCall:
    """Build every service's bells. Raises ``ConfigError`` and ``KeyFilesRefused`` for files that cannot be used."""
    return OnCall(
        {ServiceSlug(service.slug): tuple(_bells(service, settings, vault)) for service in settings.services}, store
    )


def build_break_glass(settings: NodeSettings, store: Store, later: Callable[[Callable[[], None]], None]) -> BreakGlass:
    """Build this agency's break-glass. Raises ``ConfigError`` and ``KeyFilesRefused`` for files that cannot be used."""
    reviewers = settings.break_glass
    if reviewers is None:
        return NO_BREAK_GLASS
    mails = {BreakGlassNotice.USED: reviewers.mail, BreakGlassNotice.UNREVIEWED: reviewers.manager_mail}
    bells = {
        ServiceSlug(notice): (_mail("break-glass", _NO_FALLBACK, mail, settings.base_dir),)
        for notice, mail in mails.items()
        if mail is not None
    }
    on_call = OnCall(bells, store)

    def ring(notice: BreakGlassNotice, lookup_id: str, now: datetime) -> None:
        on_call.ring(ServiceSlug(notice), lookup_id, _STEPS[notice], now)

    def notify(notice: BreakGlassNotice, lookup_id: str, now: datetime) -> None:
        if bells:
            later(partial(ring, notice, lookup_id, now))

    persons = Reviewers(
        reviewer=reviewers.reviewer, manager=reviewers.manager, most_unreviewed=reviewers.most_unreviewed
    )
    return BreakGlass(reviewers=persons, notify=notify)


def build_access_alerts(
    settings: NodeSettings, store: Store, later: Callable[[Callable[[], None]], None]
) -> AccessAlerts:
    """Build what rings for access alerts. Raises as :func:`build_break_glass` does."""
    alerts = settings.access_alerts
    if alerts is None:
        return NO_ACCESS_ALERTS
    bell = _mail("access alerts", _NO_FALLBACK, alerts.mail, settings.base_dir)
    on_call = OnCall({ServiceSlug(BellStep.ACCESS_ALERT): (bell,)}, store)

    def ring_now(lookup_id: str, now: datetime) -> None:
        on_call.ring(ServiceSlug(BellStep.ACCESS_ALERT), lookup_id, BellStep.ACCESS_ALERT, now)

    return AccessAlerts(ring=lambda lookup_id, now: later(partial(ring_now, lookup_id, now)))


def _bells(service: Service, settings: NodeSettings, vault: KeyVault) -> Iterator[Bell]:
    on_call = service.on_call
    if on_call is not None and on_call.mail is not None:
        yield _mail(service.name, on_call.fallback(), on_call.mail, settings.base_dir)
    if on_call is not None and on_call.webhook is not None:
        sender = WebhookSender(
            own=EntityId(settings.node.entity_id), service=ServiceSlug(service.slug), fallback=on_call.fallback()
        )
        yield _webhook(sender, on_call.webhook, settings, vault)


def _mail(service: str, fallback: Fallback, mail: MailSettings, base_dir: Path) -> MailBell:
    return MailBell(
        server=MailServer(
            host=mail.host,
            port=mail.port,
            security=mail.security,
            tls=_mail_tls(base_dir, mail.ca),
            login=None if mail.credentials is None else _login(base_dir / mail.credentials),
        ),
        service=service,
        fallback=fallback,
        sender=mail.sender,
        recipients=mail.recipients,
    )


def _mail_tls(base_dir: Path, ca: Path | None) -> ssl.SSLContext:
    try:
        return mail_tls(None if ca is None else base_dir / ca)
    except (OSError, ssl.SSLError) as failed:
        raise ConfigError("The configuration", [f"{ca} must be a readable file of PEM certificates"]) from failed


def _login(path: Path) -> tuple[str, str]:
    user, colon, password = read_private(path, most=MAX_CREDENTIALS).decode("utf-8", "replace").strip().partition(":")
    if not (user and colon and password) or not (user + password).isprintable():
        raise KeyFilesRefused([f"{path} must hold one line of plain characters, user:password"])
    return user, password


def _webhook(sender: WebhookSender, webhook: WebhookSettings, settings: NodeSettings, vault: KeyVault) -> WebhookBell:
    """Return a bell that may call the host of its own address and no other, over the agency's own network."""
    http = CaseSystemCaller(
        tls=pinned_tls(settings.base_dir, webhook.ca),
        names=frozenset({parse_url(webhook.url, with_port=True).host}),
        hosts=host_addresses(settings.hosts),
    )
    return WebhookBell(url=webhook.url, sender=sender, http=http, signer=lambda: vault.signer(KeyUse.MESSAGE))
