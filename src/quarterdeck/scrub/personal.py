"""What is personal: mail addresses, payment cards, bank accounts, US social security numbers, phones.

Numbers are taken out only when their check digits hold, or when nobody writes anything else that way.
Addresses of machines (IP, ``host:port``, ``git@host:path``) are nobody's.
"""

from __future__ import annotations

import re

from quarterdeck.scrub.detector import Detector, shaped, start

# Mail: found at its @, because every run of letters could begin one.

_DOMAIN = r"@((?:[^\W_](?:[\w-]{0,62})\.){1,8}?[^\W\d_]{2,24})(?![\w-]|\.[^\W_]|:[~/]|\()"
_LOCAL = re.compile(r"[\w.%+'-]{1,64}")
_FILE = re.compile("css|gif|html|ico|jpe?g|jsx?|json|lock|mjs|png|svg|tsx?|txt|webp|ya?ml")
_VERSION = re.compile(r"v?\d+\.\d")
_FORGES = frozenset({"git", "hg", "svn", "aur"})


def _mail(match: re.Match[str]) -> tuple[int, int] | None:
    """The whole address, when something that can receive mail stands before its @."""
    at = match.start()
    text = match.string
    before = _LOCAL.match(text[max(0, at - 64) : at][::-1])
    if before is None:
        return None
    local = before[0][::-1].lstrip("'.-%")
    if text[max(0, at - len(local) - 1) : at - len(local)] == "\\" and local[:1] in {"n", "r", "t"}:
        local = local[1:]  # the \n before it belongs to JSON inside the text
    start = at - len(local)
    domain = match[1]
    if not local or local in _FORGES or text[max(0, start - 2) : start] == "//":  # the user in a URL
        return None
    if _FILE.fullmatch(domain.rpartition(".")[2]) or _VERSION.match(domain):  # logo@2x.png, package@1.2.rc
        return None
    return start, match.end()


# Cards: 13 to 19 digits in a row, or in the groups that are printed on them.

_CARD = (
    rf"(?=\d){start('A-Za-z0-9_.')}(?<!\d-)"
    r"(?:\d{13,19}"
    r"|\d{4}([ .-])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?"
    r"|\d{4}([ .-])\d{6}\2\d{4,5})(?![\w-]|[. ]\d)"
)
_ISSUED = re.compile(
    r"""4(?:\d{12}|\d{15}|\d{18})                                            # Visa
      |(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}      # Mastercard
      |3[47]\d{13}                                                           # American Express
      |3(?:0[0-5]|[689]\d)\d{11}                                             # Diners Club
      |(?:6011|64[4-9]\d|65\d\d|62\d\d|81\d\d|35(?:2[89]|[3-8]\d)|220[0-4])\d{12,15}  # Discover …, JCB, Mir
      |(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{9,15}                    # Maestro""",
    re.VERBOSE | re.ASCII,
)
_LUHN = ("0123456789", "0246813579")
_NO_DIGIT = re.compile(r"\D+", re.ASCII)


def _card(match: re.Match[str]) -> tuple[int, int] | None:
    digits = _NO_DIGIT.sub("", match[0])
    total = sum(int(_LUHN[place % 2][int(digit)]) for place, digit in enumerate(reversed(digits)))
    return match.span() if total % 10 == 0 and _ISSUED.fullmatch(digits) else None


# Bank accounts: the length of the country, and ISO 7064 mod 97.

_IBAN = (
    rf"[A-Z]{start('A-Za-z0-9', 1)}"
    r"[A-Z]\d{2}(?=\d{11}|[A-Z0-9]{14}|[A-Z0-9 ]{0,36}?\d{3} \d{4})"
    r"(?=((?: ?[A-Z0-9]){11,30}))"
)
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FI FK FO GL NL SD",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HN HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}


def _iban(match: re.Match[str]) -> tuple[int, int] | None:
    head = match[0]
    wanted = _IBAN_LENGTHS.get(head[:2], 0) - len(head)
    end = match.end()
    tail = ""
    while len(tail) < wanted and end < match.end(1):
        tail += match.string[end].strip()
        end += 1
    if wanted <= 0 or len(tail) != wanted or match.string[end : end + 1].isalnum():
        return None
    return (match.start(), end) if int("".join(str(int(c, 36)) for c in tail + head)) % 97 == 1 else None


PERSONAL = (
    Detector("email", ("@",), re.compile(_DOMAIN), _mail),
    Detector("iban", (), re.compile(_IBAN, re.ASCII), _iban),
    Detector("card", (), re.compile(_CARD, re.ASCII), _card),
    shaped("ssn", "-", r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])", after_no=r"\w-"),
    shaped(
        "phone",
        "+",
        rf"\+{start('A-Za-z0-9_+', 1)}"
        r"(?=[1-9])(?:(?:[ .-]?\(|\)[ .-]?|[ .-])?\d){8,15}(?![ .()-]{0,2}\d|\w)",
    ),
    shaped(
        "phone",
        "",
        r"(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])\d{3}[.-]\d{4}(?![\w-]|\.\d)",
        after_no=r"\w.+-",
    ),
)


_NAMED = tuple(
    (kind, re.compile(rf"{name}[:=]?\Z", re.IGNORECASE | re.ASCII), re.compile(value, re.ASCII))
    for kind, name, value in (
        ("ssn", "ssn", r"\d{9}"),
        ("passport", r"passport(?:[ _-]?(?:number|no))?", r"(?=[A-Z]{0,3}\d{4})[A-Z0-9]{6,9}"),
    )
)


def personal_kind(name: str, value: str) -> str | None:
    """What *value* is when it stands under *name* in a dict and would be nothing by itself."""
    if 6 <= len(value) <= 11:
        for kind, names, values in _NAMED:
            if values.fullmatch(value) and names.search(name, max(0, len(name) - 64)):
                return kind
    return None
