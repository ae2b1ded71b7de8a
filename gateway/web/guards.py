"""Guards of routes: each route names its guard, and an API with an unguarded route cannot be built.

A guard authenticates the caller once, takes the time once, and gives both to the view. It is the only way by which a
view learns who is calling.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from flask import Flask, Response

from gateway.oauth.protector import CaseProtector, PeerProtector, ResourceRequest
from gateway.ports import Clock
from gateway.web.stateless import current_request

View = Callable[..., Response]
_MARK = "hearthgate_guard"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardDeclaration:
    """What a route declared: the guard's name, and the reason where there is none."""

    guard: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guard:
    protector: PeerProtector | CaseProtector
    base_url: str
    clock: Clock

    def authenticate(self) -> tuple[Any, datetime]:
        now, http_request = self.clock.now(), current_request()
        presented = ResourceRequest(
            method=http_request.method,
            url=self.base_url + http_request.path,
            authorization=http_request.headers.get("Authorization"),
            dpop=http_request.headers.get("DPoP"),
            now=now,
        )
        return self.protector.authenticate(presented), now


class PeerGuard:
    """Stand before a view of the peer face; the view gets ``caller`` (:class:`PeerCaller`) and ``now``."""

    def __init__(self, protector: PeerProtector, *, base_url: str, clock: Clock) -> None:
        self._guard = _Guard(protector=protector, base_url=base_url, clock=clock)

    def __call__(self, view: View) -> View:
        """Put the guard before ``view``."""
        return _guarded(view, self._guard, GuardDeclaration(guard="peer"))


class CaseGuard:
    """Stand before a view of the case face; the view gets ``caller`` (:class:`CaseCaller`) and ``now``."""

    def __init__(self, protector: CaseProtector, *, base_url: str, clock: Clock) -> None:
        self.base_url = base_url
        self._guard = _Guard(protector=protector, base_url=base_url, clock=clock)

    def __call__(self, view: View) -> View:
        """Put the guard before ``view``."""
        return _guarded(view, self._guard, GuardDeclaration(guard="case"))


def open_to_all(reason: str) -> Callable[[View], View]:
    """Declare that a view needs no caller, and say why."""

    def declare(view: View) -> View:
        setattr(view, _MARK, GuardDeclaration(guard="none", reason=reason))
        return view

    return declare


def declared_guard(view: Callable[..., Any]) -> GuardDeclaration | None:
    """Return what a view declared, or ``None`` where it declared nothing."""
    declaration = getattr(view, _MARK, None)
    return declaration if isinstance(declaration, GuardDeclaration) else None


def require_guards(app: Flask) -> None:
    """Refuse a face that has a route without a declared guard."""
    for rule in app.url_map.iter_rules():
        if declared_guard(app.view_functions[rule.endpoint]) is None:
            raise RuntimeError(f"the route {rule.rule} declares no guard; see gateway/web/guards.py")


def _guarded(view: View, guard: _Guard, declared: GuardDeclaration) -> View:
    @wraps(view)
    def stand_before(**from_path: str) -> Response:
        caller, now = guard.authenticate()
        return view(caller=caller, now=now, **from_path)

    setattr(stand_before, _MARK, declared)
    return stand_before
