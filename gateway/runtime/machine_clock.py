"""The machine's clock, and whether a time service keeps it.

The kernel knows: a time service clears its flag "unsynchronised", and setting the clock by hand, or 9 hours without a
time service, set it again (adjtimex(2)). A confined service may not ask the kernel; then systemd is asked.
"""

import ctypes
import subprocess
from datetime import UTC, datetime, timedelta
from shutil import which

from gateway.ports import Clock

_MAY_NOT_ASK = -1
_TIME_ERROR = 5
_STA_UNSYNC = 0x0040
_STA_NANO = 0x2000
_ASK_S = 5.0
_SAME = timedelta(seconds=1)


class _Timex(ctypes.Structure):
    """``struct timex`` of Linux as far as it is read here; what follows is room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("fraction", ctypes.c_long),
        ("rest", ctypes.c_long * 32),
    )


class SystemClock:
    """The machine's clock (:class:`gateway.ports.Clock`)."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)


def synchronised(clock: Clock) -> bool:
    """Return whether a time service keeps this machine's clock, and ``clock`` shows that time."""
    kept_at = _kept_at()
    return kept_at is not None and abs(clock.now() - kept_at) < _SAME


def _kept_at() -> datetime | None:
    """Return the kernel's time where a time service keeps it."""
    timex = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except AttributeError:  # another C library
        state = _MAY_NOT_ASK
    if state == _MAY_NOT_ASK:
        return _by_systemd()
    if state == _TIME_ERROR or timex.status & _STA_UNSYNC:
        return None
    per_second = 1_000_000_000 if timex.status & _STA_NANO else 1_000_000
    return datetime.fromtimestamp(timex.seconds + timex.fraction / per_second, UTC)


def _by_systemd() -> datetime | None:
    """Return the time where systemd says that a time service keeps it."""
    program = which("timedatectl", path="/usr/bin:/bin")
    if program is None:
        return None
    try:
        output = subprocess.run(  # noqa: S603 - a fixed program with fixed words
            [program, "show", "--property=NTPSynchronized", "--value"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={"LC_ALL": "C"},
            timeout=_ASK_S,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return datetime.now(UTC) if output.stdout.strip() == b"yes" else None
