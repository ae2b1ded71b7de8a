"""Conditions without which a node or an authority does not start."""

from config.settings import NodeSettings
from gateway.administration.context import Settings, certificates
from gateway.administration.errors import OperationRefused
from gateway.keys.files import refuse_open_files, refuse_unusable


def refuse_start(settings: Settings) -> None:
    """Refuse a node without a trust anchor, and TLS keys that are open to others or unusable.

    Raises :class:`OperationRefused` and ``KeyFilesRefused``.
    """
    if isinstance(settings, NodeSettings) and not settings.trust.anchors:
        raise OperationRefused(
            "No trust anchor is pinned, so this node would trust no other and no other it. Pin one first: "
            "hearthgate trust join URL, with the address of the authority that is to vouch for it."
        )
    files = certificates(settings)
    refuse_open_files(key for _, key in files)
    refuse_unusable(files)
