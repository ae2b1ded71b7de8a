"""Names of people: one normal form, and the words that stand where a name was not given.

A stand-in ("Baby", "Not known", an initial) is borne by no one, so two records that share one agree in nothing
(assertion A73). What is only likely to be one (Bed 12, a misspelt Unnamed, the family name Child) is a name that proves
nothing: :func:`is_uncertain`. Words are compared in lower case, without accents and punctuation.
"""

import unicodedata
from enum import StrEnum
from typing import Final

from trust.claims import strip_ignorable
from trust.exchange.misspellings import Misspellings

_LETTERS: Final = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i", "ħ": "h", "ß": "ss"}
)
"""Latin letters that Unicode does not decompose; case folding has already turned the capital forms into these."""

_APOSTROPHES: Final = frozenset("'\u2018\u2019\u02bc\u00b4`")


def normal_name(text: str) -> str:
    """Return a name in Unicode NFKC on one line, with single spaces and without characters that no one sees."""
    if text.isascii():
        return " ".join(text.split())
    plain = strip_ignorable(unicodedata.normalize("NFKC", text))
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def name_tokens(text: str | None) -> tuple[str, ...]:
    """Return the words of a name in lower case, without accents, apostrophes, hyphens or other punctuation."""
    if not text:
        return ()
    if text.isascii() and text.replace(" ", "").isalpha():  # as most names are
        return tuple(text.lower().split())
    folded = unicodedata.normalize("NFKD", normal_name(text).casefold()).translate(_LETTERS)
    kept = (
        "" if unicodedata.combining(char) or char in _APOSTROPHES else char if _is_letter(char) else " "
        for char in strip_ignorable(folded)
    )
    return tuple("".join(kept).split())


def _is_letter(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char) in {"Mc", "Mn"}  # vowel signs, of which Hindi makes words


def _word_set(text: str) -> frozenset[str]:
    return frozenset(name_tokens(text))


_BOYS: Final = _word_set("boy male son bachgen chlopiec garcon ladka beta wiil мальчик хлопчик")
_GIRLS: Final = _word_set("girl female daughter merch dziewczynka fille dtr ladki larki beti gabar девочка дівчинка")
_ONE_OF_SEVERAL: Final = _word_set(
    "twin twins triplet triplets quad quads quadruplet quadruplets quin quintuplet multiple sibling gefell boys girls "
    "children babies kids lads lasses gefeilliaid efaill blizniak blizniaczka blizniaki jumeau jumelle gemelo gemela "
    "geaman zwilling ikiz"
)
_NEWBORN: Final = _word_set(
    "baby babe bby bub bubba infant infants newborn neonate neonatal unborn ubb nb foetus fetus stillborn stillbirth "
    "bump child kid minor baban plentyn leanbh leanabh naionan niemowle noworodek dziecko bebe bebelus bebek "
    "nourrisson neonato neonata recien nacido nacida saugling baccha bacha bachcha nawzaad babi copil enfant bambino "
    "bambina bimbo bimba kind kleinkind munna munni ilmo cunug edd ребенок новорожденный немовля дитина inf fetal "
    "foetal embryo placenta preterm premature premie lad sib sibs sister brother mother father mum mam mummy dad "
    "daddy parent parents carer carers guardian grandchild grandson granddaughter nephew niece cousin nouveaune "
    "firstborn secondborn thirdborn bairn toddler lass foundling offspring stepchild stepson stepdaughter grandparent "
    "grandmother grandfather grandad granny auntie uncle husband wife spouse partner boyfriend girlfriend relative "
    "طفل طفلة مولود رضيع بچہ بچی बच्चा शिशु বাচ্চা শিশু ਬੱਚਾ 婴儿 嬰兒 아기"
)
_NOT_KNOWN: Final = _word_set(
    "unknown unkown unknow unknwon unkn unk uknown unspecified unidentified unnamed undisclosed unrecorded "
    "unavailable unconfirmed unsure uncertain awaiting awaited notknown notgiven notstated notrecorded notprovided "
    "notdisclosed notapplicable notavailable noname nameless not dont none nil null nan empty blank missing pending "
    "refused declined withheld redacted restricted confidential anon anonymous anonymised dummy test tests testing "
    "tester testpatient testperson testclient patient person client resident applicant claimant occupant occupier "
    "individual name names forename forenames firstname givenname middlename surname lastname familyname fullname nfn "
    "nln nmn nsn ngn fnu lnu snu na nk nka nfd tbc tba tbd tbn dk dnk error invalid unaccompanied unassigned "
    "unregistered unreadable unable unclear undefined illegible uasc refugee asylum juvenile jnr jr user tenant temp "
    "temporary dnu dup misc miscellaneous ref value div adoptee ivf lac surrogate hospital emergency trauma incident "
    "casualty alias aka mystery somebody anybody everyone enter please required mandatory default placeholder fake "
    "bogus training trainee demo ditto above abc abcd abcde xyz asd asdf asdfg asdfgh qwe qwer qwert qwerty delete "
    "deleted duplicate void example sample someone anyone nobody anhysbys anaithnid nieznany nieznana nieznane brak "
    "necunoscut necunoscuta inconnu inconnue neant desconocido desconocida ninguno desconhecido desconhecida "
    "sconosciuto sconosciuta ignoto ignota unbekannt bilinmiyor bilinmeyen nezinomas nezinoma namaloom nomaloom "
    "majhool majhul ojana nevidomo nevidomyi neizvestno neizvestnyi neizvesten неизвестно неизвестныи неизвестен "
    "неизвестна невідомо невідомии невідома مجهول نامعلوم protected private ismeretlen okand okant ukjent ukendt "
    "onbekend tundmatu tuntematon nepoznato nepoznat nepoznata neznamy neznama neznano neznan nezname αγνωστο "
    "αγνωστος αγνωστη अज्ञात অজানা ਅਣਜਾਣ deceased adopted other student pupil learner teenager youngster adult "
    "schoolchild service subject customer member record merge merged number entry unallocated unlisted undetermined "
    "unverified unobtainable archived archive inactive obsolete superseded transferred vacant reserved copy "
    "provisional interim admin administrator system homeless migrant traveller prisoner inmate detainee offender "
    "defendant victim witness suspect cot nyn nyk tbk noone withheldname 無名 无名 不详 不詳 未知 미상"
)
_DOUBTFUL: Final = _word_set(
    "lad temp above given na nk nan not none nil null test tester male son child kid minor boy babe bub bebe "
    "baban merch person name blank quad demo tenant oo aa ee uu ii"
)
"""Stand-ins that are also names: they are no evidence, and yet enough to ask about."""
_FILLERS: Final = _word_set(
    "of the a an no is to be yet given stated recorded known disclosed provided available applicable specified "
    "named confirmed advised announced supplied entered declared first second third middle last family one two "
    "three four five ii iii iv st nd rd th mr mrs ms miss mx master mstr and or sans nom sin nombre senza nome "
    "ohne namen dim enw bez nazwiska imienia fara nume"
)
"""Words that say nothing beside a stand-in."""
_PHRASES: Final = _word_set(
    "noname nofirstname noforename noforenames nogivenname nogivennames nomiddlename nosurname nofamilyname "
    "nolastname nofixedname nonamegiven nonameyet tobeconfirmed tobeadvised tobeannounced tobenamed tobedecided "
    "sansnom sinnombre senzanome ohnenamen dimenw beznazwiska bezimienia faranume miss mr mrs ms mx master mstr "
    "donotuse donotknow didnotgive didnotsay doesnotknow seenotes seefile seemother seeabove asabove sameasabove "
    "lookedafter youngperson nextofkin weeone littleone newone nestpasconnu bilajina lamayaqaan magaclaaan "
    "لايوجد بدوناسم"
)
_TITLES: Final = _word_set("mr mrs ms miss mx master mstr dr")
_FAMILY_STAND_INS: Final = _word_set("doe bloggs family seeker")
_FAMILY_NAMES: Final = _word_set(
    "son child kid minor babe bub sample blank person lad parent guardian brother father mam sib cousin nephew partner "
    "student record bairn lass copy wife husband pupil uncle service learner traveller"
)
"""Stand-ins that are family names too often to be none there; to agree in one proves nothing."""
_ALIKE: Final = _word_set(
    "quin quins newburn addy alia alis alisa alas arent arents barents baca bach baha beek blanka carr carre carter "
    "carver carder clint drummy ester festus gaba gaman guardia hladka jana joana kant kenter lada larents lark "
    "larkin lias merche mersch minoru moher muni nacio nils oana pearson peron persson pierson tess tina unna unni "
    "adin amin archie bain bairon birn childs cousins ember gartner gentry lasse lerner mergen pare stenson stephon "
    "stetson tennant nilson masterson middlemiss niland"
)
"""Names that are one slip from a stand-in, or put together like one."""
_HARDLY_GIVEN: Final = _word_set(
    "one two three four five six seven eight nine ten first second third fourth ward bed bay room unit wee lady sir "
    "madam mister gentleman gent zero younger eldest youngest tot wean lassie laddie dependant dependent ghost dead "
    "died same idem false wrong incorrect pretend mock yes nope closed deregistered peanut blob sprog"
)
"""Words that may be given names, and rather say which bed, ward or child."""
_KEYBOARD: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz")
_KEYED: Final = 4
"""Letters from which a row of the keyboard, or a word without a vowel, is no name."""
_NEWBORN_PREFIXES: Final = ("baby", "newborn", "unborn", "infantb", "infantg", "infantm", "infantf")
_NEWBORN_SUFFIXES: Final = ("baby", "infant", "newborn")
_NOT_KNOWN_PREFIXES: Final = ("unknown", "unkn", "ukn", "unident", "unspec", "zz", "xx")
_COUNTED: Final = _word_set("one two three four first second third i ii iii iv a b c")
_TWIN_WORDS: Final = frozenset(f"{word}{which}" for word in ("twin", "triplet") for which in _COUNTED)
_CHILDREN: Final = _BOYS | _GIRLS | _NEWBORN | _ONE_OF_SEVERAL | _TWIN_WORDS
_STAND_INS: Final = _CHILDREN | _NOT_KNOWN
_SLIPS: Final = Misspellings(_STAND_INS, names=_ALIKE)
_PART: Final = 3
"""Letters of the shortest word of which a stand-in is put together."""
_PARTS: Final = frozenset(word for word in _STAND_INS | _FILLERS | _TITLES if len(word) >= _PART)
"""Words of which a stand-in is put together: Notyetnamed."""
_SUSPECT: Final = _STAND_INS | _FILLERS | _TITLES | _FAMILY_STAND_INS
_SUSPECT_PREFIXES: Final = (*_NEWBORN_PREFIXES, *_NOT_KNOWN_PREFIXES)
_VOWELS: Final = frozenset("aeiouy")
_INITIALS: Final = 3
"""Letters of a word without a vowel that is taken for initials (JMK)."""
_TWO_LETTERS: Final = _word_set("al an bo cy di ed el jo li lu mo oz su ty vi wu xi yu")
"""Names of two letters; any other two letters are initials (JM, AJ)."""
_WHOLE_WORDS: Final = ("CJK", "HANGUL", "HIRAGANA", "KATAKANA")
"""Scripts in which one character can be a whole name."""


class Sex(StrEnum):
    """What a stand-in says of a child who has no name yet."""

    BOY = "boy"
    GIRL = "girl"


def given_name_words(text: str | None, *, family: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the words of given names that are names; none where the first is a stand-in.

    ``family`` is the family name's words: alone or beside a stand-in they name the family (Baby Marsh), not the child.
    """
    tokens = name_tokens(text)
    if _are_plain(tokens):
        return () if set(tokens) <= set(family) else tokens
    tokens = _without_title(tokens)
    words = _without_digits(tokens)
    if set(words) <= set(family) or _is_newborn(words) or _is_phrase(words) or _says_nothing(words):
        return ()
    if not any(_is_stand_in_word(word) for word in words):
        return tokens
    rest = (word for word in words if not _is_stand_in_word(word) and not _is_filler(word))
    return tuple(word for word in rest if word not in family)


def family_name_words(text: str | None) -> tuple[str, ...]:
    """Return the words of a family name that are names; none for a stand-in or a mere initial."""
    tokens = name_tokens(text)
    if _are_plain(tokens):
        return tokens
    words = _without_digits(tokens)
    if not words or _is_phrase(words) or all(len(word) == 1 and is_initial(word) for word in words):
        return ()
    stand_ins = {word for word in words if _stands_for_family(word)}
    if not stand_ins:
        return tokens
    return tuple(word for word in words if word not in stand_ins and not _is_filler(word))


def is_uncertain(words: tuple[str, ...], *, family: bool = False) -> bool:
    """Say whether words of a name may stand where none was given, so that two records which share them prove nothing.

    So do a digit in a name, a misspelt stand-in, and keys in a row. So do a number among given names, and as a family
    name a stand-in that is one too (Child).
    """
    if family:
        known = all(_singular(word) in _FAMILY_NAMES or _is_near_stand_in(word) for word in words)
        return bool(words) and (known or _has_digit(words))
    return _has_digit(words) or any(
        word in _HARDLY_GIVEN or _is_near_stand_in(word) or (len(word) >= _KEYED and _is_without_vowel(word))
        for word in words
    )


def is_one_of_several(text: str | None) -> bool:
    """Say whether a stand-in tells of a birth of several children: Twin, Baby 2, Infant B."""
    tokens = name_tokens(text)
    words = _without_digits(tokens)
    if not _ONE_OF_SEVERAL.isdisjoint(words) or not _TWIN_WORDS.isdisjoint(words):
        return True
    numbered = any(char.isdigit() for token in tokens for char in token) or not _COUNTED.isdisjoint(words)
    return numbered and _is_newborn(words)


def sex_in(text: str | None) -> Sex | None:
    """Return what a stand-in says of the child (Baby Girl, Male Infant); ``None`` where it says nothing or both."""
    words = {_singular(word.removeprefix("baby").removeprefix("infant")) for word in _without_digits(name_tokens(text))}
    boy, girl = not words.isdisjoint(_BOYS), not words.isdisjoint(_GIRLS)
    if boy == girl:
        return None
    return Sex.BOY if boy else Sex.GIRL


def is_initial(word: str) -> bool:
    """Say whether a word of given names is initials: one letter of an alphabet, two, or three without a vowel."""
    if len(word) == 1:
        return not unicodedata.name(word, "").startswith(_WHOLE_WORDS)
    if len(word) > _INITIALS or not word.isascii():
        return False
    return _is_without_vowel(word) or (len(word) == len("aj") and word not in _TWO_LETTERS)


def is_no_name(text: str | None, *, family: bool = False) -> bool:
    """Say whether a text surely gives no name, so that a description with it lacks one."""
    words = family_name_words(text) if family else given_name_words(text)
    if words:
        return False
    tokens = name_tokens(text)
    return not tokens or not (
        len(tokens) == 1 and (tokens[0] in _DOUBTFUL or (len(tokens[0]) == 1 and tokens[0].isalpha()))
    )


def _are_plain(words: tuple[str, ...]) -> bool:
    """Recognise names in which nothing can be a stand-in, as nearly all are, before looking at them word by word."""
    if not _SUSPECT.isdisjoint(words) or _is_phrase(words):
        return False
    return not any(
        len(word) == 1
        or not word.isalpha()
        or word.startswith(_SUSPECT_PREFIXES)
        or word.endswith(_NEWBORN_SUFFIXES)
        or len(set(word)) == 1
        or _singular(word) != word
        for word in words
    )


def _singular(word: str) -> str:
    """Return the stand-in of which a word is the plural; any other word as it is."""
    plural = len(word) > _PART and word.endswith("s") and word not in _ALIKE
    return word[:-1] if plural and word[:-1] in _STAND_INS else word


def _is_near_stand_in(word: str) -> bool:
    """Recognise a misspelt stand-in, one put together of others, and keys in a row."""
    if word in _SLIPS or (len(word) >= _KEYED and any(word in row for row in _KEYBOARD)):
        return True
    return word not in _ALIKE and _is_put_together(word)


def _is_put_together(word: str) -> bool:
    return any(
        word[:at] in _PARTS and (word[at:] in _PARTS or _is_put_together(word[at:]))
        for at in range(_PART, len(word) - _PART + 1)
    )


def _has_digit(words: tuple[str, ...]) -> bool:
    return any(not word.isalpha() and any(map(str.isdigit, word)) for word in words)


def _is_without_vowel(word: str) -> bool:
    return word.isascii() and _VOWELS.isdisjoint(word)


def _without_title(tokens: tuple[str, ...]) -> tuple[str, ...]:
    return tokens[1:] if len(tokens) > 1 and tokens[0] in _TITLES else tokens


def _without_digits(tokens: tuple[str, ...]) -> tuple[str, ...]:
    if all(map(str.isalpha, tokens)):
        return tokens
    stripped = ("".join(char for char in token if not char.isdigit()) for token in tokens)
    return tuple(word for word in stripped if word)


def _is_newborn(words: tuple[str, ...]) -> bool:
    """Recognise a child without a name, wherever the word stands: what is beside it is the family's or the mother's."""
    return words[:2] == ("b", "o") or any(
        _singular(word) in _CHILDREN or word.startswith(_NEWBORN_PREFIXES) or word.endswith(_NEWBORN_SUFFIXES)
        for word in words
    )


def _is_stand_in_word(word: str) -> bool:
    return (
        _singular(word) in _NOT_KNOWN
        or word.startswith(_NOT_KNOWN_PREFIXES)
        or (len(word) > 1 and word.isascii() and len(set(word)) == 1)
        or _is_newborn((word,))
    )


def _says_nothing(words: tuple[str, ...]) -> bool:
    """Recognise a stand-in at the beginning, or several fillers alone: Yet to be named."""
    fillers = len(words) > 1 and all(_is_filler(word) and len(word) > 1 for word in words)
    return fillers or _is_stand_in_word(words[0])


def _stands_for_family(word: str) -> bool:
    if word in _ALIKE or _singular(word) in _FAMILY_NAMES:
        return False
    return word in _FAMILY_STAND_INS or _is_stand_in_word(word)


def _is_filler(word: str) -> bool:
    return word in _FILLERS or (len(word) == 1 and word.isascii())


def _is_phrase(words: tuple[str, ...]) -> bool:
    """Recognise a stand-in of several words, or of letters with marks between them: No name, N/A."""
    whole = "".join(words)
    return whole in _PHRASES or (len(words) > 1 and whole in _STAND_INS)
