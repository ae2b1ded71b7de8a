"""Process hardening: disable core dumps."""

import resource

_NO_CORE = 1
"""A limit of one byte: too small for a core file, and the one value at which Linux hands nothing to a program that
collects cores either (core(5); a limit of zero would not keep it from systemd-coredump)."""


def forbid_core_dumps() -> None:
    """Keep the memory of this process and its children, which holds people, from any disk when one of them crashes."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    limit = _NO_CORE if most == resource.RLIM_INFINITY else min(_NO_CORE, most)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
