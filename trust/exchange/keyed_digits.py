"""Digits that were keyed in where there is no number: 123456, 1212121, 0000001, 999999998.

A pattern is looked for only in texts so long that it takes out few of the numbers that are issued; the counts are in
the tests.
"""

from typing import Final

_ROW: Final = "01234567890"
"""The digits in the order in which they are counted and keyed; 0 stands at either end."""
_ROWS: Final = (_ROW, _ROW[::-1])
_LONG: Final = 9
"""Digits from which a number with an odd place or two among equal ones was keyed in."""
_FREE: Final = 5
"""Places that a repeated block must settle; fewer leave more than one in 100,000 numbers as such a repetition."""
_BASE: Final = 3
"""Digits from which a count can be told when each is keyed several times."""


def is_keyed_in(digits: str) -> bool:
    """Say whether the digits of a number, six or more of them, are a pattern rather than a number that was issued."""
    return is_nearly_one_digit(digits) or is_count(digits) or is_repetition(digits)


def is_nearly_one_digit(digits: str) -> bool:
    """Recognise one digit throughout, zeros but for one place, and nines but for the last.

    In long numbers, so are any digit but for one place or the last two, zeros but for two places, and one digit
    followed by another alone (99900000000).
    """
    distinct, size, zeros = set(digits), len(digits), digits.count("0")
    if len(distinct) == 1 or zeros >= size - 1 or digits[:-1] == "9" * (size - 1):
        return True
    if size < _LONG:
        return False
    two_blocks = not digits.lstrip(digits[0]).strip(digits[-1])
    return two_blocks or zeros >= size - 2 or len(set(digits[:-2])) == 1 or max(map(digits.count, distinct)) >= size - 1


def is_count(digits: str) -> bool:
    """Recognise digits that count up or down, there and back (123321), or each keyed several times (112233).

    In long numbers the step is any, and the first or last digit may be another, as one puts it to fit a check.
    """
    if _is_in_row(digits) or (len(digits) >= _LONG and (_has_one_step(digits[:-1]) or _has_one_step(digits[1:]))):
        return True
    if digits == digits[::-1]:
        return _is_in_row(digits[: (len(digits) + 1) // 2])
    return any(_is_stretched(digits, times) for times in (2, 3))


def is_repetition(digits: str) -> bool:
    """Recognise a block that is repeated to the end; a block that leaves little to choose must itself be a count."""
    size = len(digits)
    return any(
        digits[length] == digits[0]
        and digits[length:] == digits[:-length]
        and (length <= size - _FREE or _is_in_row(digits[:length]))
        for length in range(2, size // 2 + 1)
    )


def _is_in_row(digits: str) -> bool:
    return any(digits in row for row in _ROWS)


def _has_one_step(digits: str) -> bool:
    first, second, third = map(int, digits[:3])
    step = second - first
    return (second + step - third) % 10 == 0 and all(
        (first + place * step) % 10 == int(digit) for place, digit in enumerate(digits)
    )


def _is_stretched(digits: str, times: int) -> bool:
    base = digits[::times]
    if digits[0] != digits[1] or len(base) < _BASE:
        return False
    stretched = "".join(digit * times for digit in base)
    return stretched.startswith(digits) and _is_in_row(base)
