"""Secrets that only their names give away: entries of a dict, and ``NAME=value`` inside a text.

Three kinds of names, by how much of a value they vouch for:

    password …     whatever it is, also ``123456`` and ``changeme``: people do use them
    api_key …      six characters or more that have no blanks and are no reference to where the key lies
    token, secret  only what looks drawn by lot: ``token: str`` and ``"token": "hello"`` are everyday words;
                   eight characters with letters and digits, or twenty-four

Never taken: what is empty, masked (``***``), a placeholder (``<token>``, ``${VAR}``), or the word of a type.
"""

from __future__ import annotations

import re

from quarterdeck.scrub.detector import Detector, is_mark

WORD = r"(?:passw(?:or)?d|passwort|passphrase|_pass|pwd|secret|token|credential|key)s?"
"""What a telling name ends with; what stands before it says how telling it is."""

_VALUES = re.compile(
    r"values?|current|old|new|previous|plain_?(?:text)?|raw|data|text|string", re.IGNORECASE | re.ASCII
)
_DESCRIBES = re.compile(  # keys beside a value that say something about it, in a JSON schema or a form
    r"(?:\A|[_.-])(?:id|name|type|kind|in|alg|algorithm|format|pattern|title|description|comment|note|label|help"
    r"|hint|placeholder|error|message|status|state|scope|provider|service|region|host|url|uri|path|file|email"
    r"|user|username|owner|role|version|env|ref|link|at|on|by|date|time|policy|method|meta|metadata)s?\Z"
    r"|(?:Id|Name|Type|At|On|By|Date|Time|Url|Uri|Path|File|Policy)\Z|\A\$",
    re.ASCII,
)

_PASSWORDS = re.compile(r"passw|passp", re.IGNORECASE | re.ASCII)
_ACCOUNTS = r"(?:db|database|mysql|pg|postgres|redis|smtp|mail|user|admin|root|ftp|ssh|login)"
_OWNERS = re.compile(  # before secret, token or key
    r"(?:client|app|consumer|api|access|refresh|private|secret|signing|encryption|master|account|o?auth|bearer"
    r"|bot|session|personal|deploy|webhook|jwt)[ _.-]?\Z",
    re.IGNORECASE | re.ASCII,
)
_ACCOUNT = re.compile(rf"{_ACCOUNTS}\Z", re.IGNORECASE | re.ASCII)
_EVERYDAY = re.compile(  # tokens of pages, of language models, of parsers
    r"(?:page|continuation|next|prev|sync|cancel|cancellation|eos|bos|pad|unk|sep|mask|cls|stop|start|end"
    r"|special|first|last|current|new|image|prompt|design|css|color)[ _.-]?\Z",
    re.IGNORECASE | re.ASCII,
)
_TELLS = re.compile(rf"{WORD}(?:[_-](?:hash|base))?[:=]?\Z", re.IGNORECASE | re.ASCII)

_HEADERS = re.compile(r"(?:authorization|(cookies?))[:=]?\Z", re.IGNORECASE | re.ASCII)

_PLACEHOLDER = re.compile(
    r"""[*x.•…_-]+|\W                                      # masked
      |<.*>|\$\{.*|\{\{.*|\$[A-Za-z_]\w*|%\(?\w.*|\$\(.*   # to be filled in
      |(?:your|insert|replace|enter|add|put)[ _-].*
      |(?:none|null|nil|undefined|true|false|yes|no|n/a|str|string|bytes|text|any|required|optional|missing
         |invalid|expired|hidden|masked|redacted|removed|set|unset|empty|default)\W?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_REFERENCE = re.compile(
    r"""[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+                      # the name of a variable
      |(?:\#?/|\.{1,2}/|~/|[a-z][a-z0-9+.-]*:).*                # a path, a URL, env:NAME, arn:…
      |[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+                     # settings.api_key""",
    re.VERBOSE | re.ASCII,
)
_LETTER = re.compile(r"[A-Za-z]")
_DIGIT = re.compile(r"[0-9]")
_ODD = re.compile(r"[^\w.:/-]", re.ASCII)


def told(name: str) -> str | None:
    """How much a dict's key vouches for its value: ``password``, ``key``, ``cookie``, ``weak``; or None."""
    match = _TELLS.search(name, max(0, len(name) - 64))
    if match:
        return _told(match)
    header = _HEADERS.search(name, max(0, len(name) - 64))
    return None if header is None else "cookie" if header[1] else "weak"


def teller(key: str, above: str | None) -> str:
    """Which name speaks for what stands under *key* in a dict that stands under *above* itself.

    ``{"password": {"value": …}}``: what is in such a dict is what its name says, but for what describes it.
    """
    if above is not None and not told(key):
        vouches = told(above)
        if vouches and (_VALUES.fullmatch(key) or (vouches != "weak" and not _DESCRIBES.search(key))):
            return above
    return key


def is_secret(value: str, vouches: str) -> bool:
    """Whether *value* can be what a name that *vouches* for it says."""
    if not value.strip() or is_mark(value) or (len(value) < 128 and _PLACEHOLDER.fullmatch(value)):
        return False
    if vouches == "password":
        return True
    if any(map(str.isspace, value)) or _REFERENCE.fullmatch(value):
        return False
    if vouches == "key":
        return len(value) >= 6
    return len(value) >= 24 or (len(value) >= 8 and bool(_LETTER.search(value) and _DIGIT.search(value)))


def kind_of(vouches: str) -> str:
    """What the mark calls a value that its name *vouches* for."""
    return "password" if vouches == "password" else "secret"


def _told(match: re.Match[str]) -> str | None:
    word = match[0].lower()
    if _PASSWORDS.match(word):
        return "password"
    start = match.start()
    before = match.string[max(0, start - 16) : start]
    if word.startswith("_pass"):
        return "password" if _ACCOUNT.search(before) else None
    if word.startswith("pwd") or _OWNERS.search(before):  # PWD is also the working folder
        return "key"
    return None if word.startswith("key") or _EVERYDAY.search(before) else "weak"


# In a text: NAME=value, "name": "value", name: value, --name value, name = 'value'

_ASSIGNED = re.compile(
    rf"""{WORD}(?:[_-](?:hash|base))?(?:\\{{0,3}}["'`])?\]?
    (?P<sign>[ ]{{0,8}}(?::=|=>|={{1,3}}|:(?:[ ]{{0,4}}[A-Za-z_][\w.|]{{0,40}}[ ]{{0,4}}=)?)[ ]{{0,8}}|[ ])
    (?P<quote>\\{{1,3}}["']|["'`]|)""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_FLAG = re.compile(r"--[\w-]{0,30}\Z", re.ASCII)
_PARTS = {'"': r'(?:\\.|[^"\\\n])', "'": r"(?:\\.|[^'\\\n])", "`": r"(?:\\.|[^`\\\n])"}
_ESCAPED = r"""[^\\"'\n]"""
_BARE = r"""[^\s"'`,;&()\[\]{}<>|\\]"""
_ENOUGH = 256
"""So much of a value is judged. Only one that is taken is looked at to its end: no run is scanned twice."""


def _values(part: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(f"{part}{{1,{_ENOUGH}}}+"), re.compile(f"{part}*+")


_QUOTED = {quote: _values(part) for quote, part in _PARTS.items()}
_IN_ESCAPED = _values(_ESCAPED)
_UNQUOTED = _values(_BARE)


def _assigned(kind: str) -> Detector:
    """A detector of the values that names of that kind vouch for, in a text."""

    def span(match: re.Match[str]) -> tuple[int, int] | None:
        vouches = _told(match)
        if vouches is None or kind_of(vouches) != kind:
            return None
        quote, sign, text = match["quote"], match["sign"], match.string
        if sign == " " and not _is_flag(match):
            return None
        judged, whole = _UNQUOTED if not quote else _QUOTED.get(quote, _IN_ESCAPED)
        found = judged.match(text, match.end())
        if found is None or not is_secret(found[0], vouches):
            return None
        end = found.end()  # what goes on beyond what is judged is not followed by a bracket
        if not quote and not _is_no_code(found[0], text[end : end + 1], match[0], sign, vouches):
            return None
        return found.start(), whole.match(text, end).end()  # type: ignore[union-attr]  # matches nothing, too

    return Detector(kind, (), _ASSIGNED, span)


def _is_flag(match: re.Match[str]) -> bool:
    """Whether a name that a blank follows is one of a command's options: ``--password hunter2``."""
    start, after = match.start(), match.start("sign")
    bare = match.string[after - 1].isalnum()
    return bare and _FLAG.search(match.string, max(0, start - 34), start) is not None


def _is_no_code(value: str, after: str, name: str, sign: str, vouches: str) -> bool:
    """Whether an unquoted *value* is one: ``token: str`` and ``password=get(…)`` are code."""
    if after and after in "([{<":
        return False
    if name.isupper() and sign == "=":  # a line of an .env file
        return True
    if len(value) < 6 or _REFERENCE.fullmatch(value):
        return False
    if vouches == "password" and (_ODD.search(value) or value.isdigit()):
        return True
    return bool(_DIGIT.search(value) and _LETTER.search(value))


ASSIGNED = (_assigned("password"), _assigned("secret"))
