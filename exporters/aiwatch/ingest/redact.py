"""Personal data in free text, replaced before anything leaves the exporter.

A number is taken for a card when its length and first digits are those of an issuer (ISO/IEC 7812-1) and its Luhn
checksum is right, for a bank account when its length is that of its country and its mod 97 is right (ISO 13616), and
for a phone number by how it is written; so order numbers, dates, prices and ids stay. Every expression takes time
linear in the text: what repeats without bound is possessive and begins only where nothing of its kind stands before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Redact = Callable[[str], str]

_EMAIL = re.compile(r"(?<![\w.%+\-])[\w.%+\-]++@(?:[\w\-]{1,63}\.){1,8}[^\W\d_]{2,24}")
_CARD = re.compile(r"(?<![\w.])\d(?:[ \-]?\d){12,}+")
_GROUP = re.compile(r"\d+")
_MOST_GROUPS = 5  # in which the digits of a card are written
_CARD_SHAPE = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[0689]\d{12}|35\d{14}|6\d{12,18}|5[0678]\d{11,17}"
)
_IBAN = re.compile(r"\b[A-Za-z]{2}\d\d(?:[ \-\u00a0]?[A-Za-z0-9]){11,}+")
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
    "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
_PHONE = re.compile(
    r"(?<![\w.+\-])(?:"
    r"(?:\+|00)[1-9](?:[ \-./]?\(0\)|[ \-./]{0,2}\(?\d\)?){7,14}"  # +49 (0)30 901820, 0049 30 901820
    r"|\(0\d{1,5}\)(?:[ \-/]{0,2}\d){5,9}"  # (030) 901820
    r"|0[1-9](?:[ \-/]{0,3}\d){7,10}"  # 0171 / 1234567, 07911 123456
    r"|0[1-9](?:\.\d\d){4}"  # 06.12.34.56.78
    r"|(?:\([2-9]\d\d\) ?|[2-9]\d\d[ \-.])[2-9]\d\d[ \-.]\d{4}"  # (555) 234-5678, 555-234-5678
    r")(?![\w]|[\-.,:/]\d)"
)
_TRUNK_DIGITS = 9  # at least so many in a number that begins with 0: a date has 8


def _luhn(digits: str) -> bool:
    return sum(int(d) if i % 2 == 0 else sum(divmod(2 * int(d), 10)) for i, d in enumerate(reversed(digits))) % 10 == 0


def _without_cards(match: re.Match[str]) -> str:
    """Replace the cards in a run of digits, which may also hold an order number before and an expiry date behind."""
    found = match.group()
    groups = [group.span() for group in _GROUP.finditer(found)]
    if match.string[match.end() : match.end() + 1].isalpha():
        groups.pop()  # the last group belongs to a word
    kept: list[str] = []
    copied = first = 0
    while first < len(groups):
        start = groups[first][0]
        digits = ""
        for last in range(first, min(first + _MOST_GROUPS, len(groups)) if found[start] in "23456" else first):
            begin, end = groups[last]
            if len(digits) + end - begin > 19:
                break
            digits += found[begin:end]
            if len(digits) > 11 and _CARD_SHAPE.fullmatch(digits) and _luhn(digits):
                kept += (found[copied:start], "[card]")
                copied, first = end, last
                break
        first += 1
    return "".join([*kept, found[copied:]])


def _without_iban(match: re.Match[str]) -> str:
    """Replace an account number, which has the length of its country; words may stand behind it."""
    found = match.group()
    length = _IBAN_LENGTHS.get(found[:2].upper(), 0)
    compact = ""
    for end, char in enumerate(found, 1):
        if char.isalnum():
            compact += char.upper()
        if length and len(compact) == length:
            digits = "".join(str(int(each, 36)) for each in compact[4:] + compact[:4])
            whole = not found[end : end + 1].isalnum()
            return f"[iban]{found[end:]}" if whole and int(digits) % 97 == 1 else found
    return found


def _without_phone(match: re.Match[str]) -> str:
    found = match.group()
    digits = sum(char.isdigit() for char in found)
    return found if found[0] == "0" and digits < _TRUNK_DIGITS else "[phone]"


def _emails(text: str) -> str:
    return _EMAIL.sub("[email]", text) if "@" in text else text


def _ibans(text: str) -> str:
    return _IBAN.sub(_without_iban, text)


def _cards(text: str) -> str:
    return _CARD.sub(_without_cards, text)


def _phones(text: str) -> str:
    return _PHONE.sub(_without_phone, text)


_STEPS: dict[str, Redact] = {"email": _emails, "iban": _ibans, "card": _cards, "phone": _phones}
_FEWEST_DIGITS = {"iban": 2, "card": 12, "phone": 7}
_FEWEST = min(_FEWEST_DIGITS.values())
_DIGIT = re.compile(r"\d")
_NO_DIGITS = bytes(code for code in range(256) if not 48 <= code <= 57)


def _digits(text: str) -> int:
    """Return how many digits a text has.

    >>> _digits("room 101"), _digits("١٢٣")
    (3, 3)
    """
    if text.isascii():
        # Deleting all others is one pass in C; a regular expression takes ten times as long to find none.
        return len(text.encode().translate(None, _NO_DIGITS))
    return sum(map(str.isdecimal, text))


def build_redactor(patterns: Iterable[str]) -> Redact:
    """Return a function that replaces what the named patterns find, by ``[email]`` and the like.

    >>> redact = build_redactor(("email", "card", "iban", "phone"))
    >>> redact("I am a.b@example.org, card 4111 1111 1111 1111 12/27, order 4111 1111 1111 1112")
    'I am [email], card [card] 12/27, order 4111 1111 1111 1112'
    >>> redact("pay to DE89 3704 0044 0532 0130 00 or call +49 30 901820")
    'pay to [iban] or call [phone]'
    """
    wanted = set(patterns)
    numeric = [(_FEWEST_DIGITS[name], step) for name, step in _STEPS.items() if name in wanted and name != "email"]
    emails = "email" in wanted

    def redact(text: str) -> str:
        if emails:
            text = _emails(text)
        digits = _digits(text)
        if digits < _FEWEST:
            return text
        first = _DIGIT.search(text)
        start = text.rfind(" ", 0, 0 if first is None else first.start()) + 1  # nothing numeric begins before
        before, rest = text[:start], text[start:]
        for fewest, step in numeric:
            if digits >= fewest:
                rest = step(rest)
        return before + rest

    return redact


# For each expression above, one that is found in every text in which that is found. It knows no looking around and no
# possessive repetition, so that the compiled core, whose expressions lack them, can pass over all other texts.
_SUSPICIOUS = {
    "iban": "[A-Za-z]{2}\\d\\d(?:[ \\-\u00a0]?[A-Za-z0-9]){11}",
    "card": "(?:^|[^0-9A-Za-z_.])\\d(?:[ \\-]?\\d){12}",
    "phone": "(?:^|[^0-9A-Za-z_.+\\-])(?:"
    "(?:\\+|00)[1-9](?:[ \\-./]?\\(0\\)|[ \\-./]{0,2}\\(?\\d\\)?){7}"
    "|\\(0\\d{1,5}\\)(?:[ \\-/]{0,2}\\d){5}"
    "|0[1-9](?:[ \\-/]{0,3}\\d){7}"
    "|0[1-9](?:\\.\\d\\d){4}"
    "|(?:\\([2-9]\\d\\d\\) ?|[2-9]\\d\\d[ \\-.])[2-9]\\d\\d[ \\-.]\\d{4}"
    ")",
}


def suspicious(patterns: Iterable[str]) -> str | None:
    """Return an expression that is found in every text in which the named patterns find a number; None for none.

    >>> expression = suspicious(("email", "phone"))
    >>> [bool(re.search(expression, text)) for text in ("room 101", "order 12345678", "call +49 30 901820")]
    [False, False, True]
    """
    chosen = [_SUSPICIOUS[name] for name in sorted(set(patterns) & _SUSPICIOUS.keys())]
    return "|".join(chosen) or None


def redact_within(value: Any, redact: Redact) -> Any:
    """Return a JSON value with every text in it redacted, keys included.

    >>> redact_within({"to": ["a@example.org"], "n": 4111111111111111}, build_redactor(("email", "card")))
    {'to': ['[email]'], 'n': 4111111111111111}
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(key): redact_within(held, redact) for key, held in value.items()}
    if isinstance(value, list):
        return [redact_within(held, redact) for held in value]
    return value
