"""Register the public key of an administrator, whose private half stays off the machine."""

from pathlib import Path

from gateway.administration.administrators import ADMINISTRATOR_KEY_VARIABLE
from gateway.administration.context import Settings
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input, write_new
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from trust import strict_json
from trust.keys import KeyUse, LocalSigner

FOLDER = Path("administrators")
_LONGEST_NAME = 120


def plan_registration(settings: Settings, name: str, *, key: Path | None, new_key: Path | None) -> ChangePlan:
    """Plan to register an administrator's key: the one in the file ``key``, else one that is made for ``new_key``.

    Raises :class:`OperationRefused` and ``TrustError``.
    """
    if not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME or '"' in name or " as " in name:
        raise OperationRefused('NAME: write 1 to 120 characters on one line, without quotation marks and " as ".')
    if name in settings.administrator_keys:
        raise OperationRefused(f"{name} has a key here; take its line out of [administrator_keys] first.")
    if key is not None:
        signer = LocalSigner.from_pem(read_input(key, "The private key"), KeyUse.ADMINISTRATOR)
    else:
        signer = LocalSigner.generate(KeyUse.ADMINISTRATOR)
    file = FOLDER / f"{signer.kid}.jwk"

    def apply() -> UseCaseResult:
        record(settings, "trust administrator", name=name, key_id=signer.kid)
        if new_key is not None:
            write_new(new_key, signer.to_pem(), "The private key", mode=0o600)
        (settings.base_dir / FOLDER).mkdir(mode=0o755, exist_ok=True)
        write_new(settings.base_dir / file, strict_json.dumps(dict(signer.public.jwk)), "The public key")
        return UseCaseResult(
            lines=[
                "Write this into the configuration, under [administrator_keys]:",
                f'  "{name}" = "{file}"',
                f"Then set {ADMINISTRATOR_KEY_VARIABLE}=FILE before each command, and keep FILE off this machine.",
            ],
            data={"name": name, "key_id": signer.kid, "file": str(file)},
        )

    effect = [f"{name} will be known by the key {signer.kid}."]
    return ChangePlan(effect=effect, question="Register it?", apply=apply)
