"""Refusals carry a stable code, and never what came from outside unless it is a harmless name."""

from trust import errors


def every(base: type[errors.TrustError]) -> set[type[errors.TrustError]]:
    """Give the refusals that this module defines."""
    return {base}.union(*(every(each) for each in base.__subclasses__() if each.__module__ == errors.__name__))


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [each.code for each in every(errors.TrustError)]
    assert len(set(codes)) == len(codes)


def test_the_text_of_a_refusal_is_its_detail() -> None:
    assert str(errors.Expired("It has expired.")) == errors.Expired("It has expired.").detail == "It has expired."


def test_only_plain_names_are_shown() -> None:
    assert errors.shown("https://a.example#b") == "'https://a.example#b'"
    for unverified in ("Jane Doe", "a\nb", "\x1b[2J", "x" * 81, "", 7, None, ["a"]):
        assert errors.shown(unverified) == "(a value that is not a plain identifier)"
