"""Authlib runs the grants; its own JOSE, and the library behind it, are never reached (docs/decisions/0002)."""

import pkgutil
import warnings
from collections.abc import Callable
from importlib import import_module
from types import FunctionType, ModuleType

import joserfc
import pytest
from authlib.deprecate import AuthlibDeprecationWarning
from authlib.oauth2 import rfc7521, rfc7523, rfc8693, rfc9068, rfc9101

from tests.gateway.oauth.requests import exchange, revoke
from tests.simulator.callers import Caller, case_system
from tests.simulator.faces import Node
from tests.support.sign_in import SignInService


def forbidden(name: str) -> Callable[..., None]:
    def reached(*_args: object, **_kwargs: object) -> None:
        raise AssertionError(f"{name} was reached")

    return reached


def functions_of(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__.split(".")[0] in {"authlib", "joserfc"}
    ]


def jose_modules() -> list[ModuleType]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AuthlibDeprecationWarning)  # it is on its way out, and still there to be called
        own = import_module("authlib.jose")
    packages: list[ModuleType] = [own, joserfc, rfc7521, rfc7523, rfc8693, rfc9068, rfc9101]
    found = [import_module("authlib._joserfc_helpers")]
    for package in packages:
        names = [info.name for info in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
        found.extend(import_module(name) for name in names if "drafts" not in name)
    return found


@pytest.fixture
def service(node: Node) -> SignInService:
    return SignInService(clock=node.clock)


@pytest.fixture
def system(node: Node, service: SignInService) -> Caller:
    node.providers = (service.provider(),)
    return case_system(node, node.case_app().test_client())


@pytest.fixture
def no_library_jose(node: Node, monkeypatch: pytest.MonkeyPatch) -> int:
    broken = 0
    for module in jose_modules():
        for name in functions_of(module):
            monkeypatch.setattr(module, name, forbidden(f"{module.__name__}.{name}"))
            broken += 1
        for name, value in list(vars(module).items()):
            if isinstance(value, type) and value.__module__ == module.__name__ and not issubclass(value, Exception):
                monkeypatch.setattr(value, "__init__", forbidden(f"{module.__name__}.{name}"))
                broken += 1
    return broken


def test_with_the_librarys_jose_broken_everything_still_works(
    peer: Caller, system: Caller, service: SignInService, no_library_jose: int
) -> None:
    assert no_library_jose > 100
    assert peer.send(peer.peer_token()).status_code == 200
    assert peer.send(peer.peer_token(), scheme="Bearer").status_code == 401
    assert peer.ask_peer_token(client_assertion="a.b.c").status_code == 401
    token = system.case_token()
    assert revoke(system, system.case_token()).status_code == 200
    assert exchange(system, service.token()).status_code == 200
    answer = system.http.get("/case/v1/lookups/none", headers={"Authorization": f"Bearer {token.decode()}"})
    assert answer.status_code == 404


def test_the_librarys_own_jose_is_among_what_was_broken(no_library_jose: int) -> None:
    for module, name in (("authlib.jose.rfc7515.jws", "JsonWebSignature"), ("joserfc.jws", "deserialize_compact")):
        with pytest.raises(AssertionError, match=f"{name} was reached"):
            getattr(import_module(module), name)(b"a.b.c")
