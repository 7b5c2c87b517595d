"""What is sent along with a request to say who asks: cookies, and the user of ``curl -u``.

The header Authorization has shapes of its own, in `tokens`.
"""

from __future__ import annotations

import re

from quarterdeck.scrub.detector import Detector, is_password
from quarterdeck.scrub.named import is_secret

_HEADER = re.compile(r"(authorization|cookie)[:=]?\Z", re.IGNORECASE | re.ASCII)


def header_start(name: str) -> str:
    """``cookie: `` when the key of a dict ends with the name of such a header: so its value is searched."""
    match = _HEADER.search(name, max(0, len(name) - 64))
    return f"{match[1].lower()}: " if match else ""


# All of a header goes, when one of its cookies looks drawn by lot. It is matched to its end even if it stays.

_COOKIE = r"[\w.!#$%&*+^|~-]{1,128}"
_COOKIES = re.compile(
    rf"""[cC](?i:ookie)["'\\\]]{{0,4}}[ ]{{0,4}}[:=][ ]{{0,4}}["'\\]{{0,4}}
    (?P<all>{_COOKIE}=[^\s;,"'\\]*+(?:;[ ]{{0,2}}{_COOKIE}(?:=[^\s;,"'\\]*+)?)*+)""",
    re.VERBOSE | re.ASCII,
)
_COOKIE_VALUE = re.compile(r"(?<![Dd]omain)(?<![Pp]ath)=([^;]+)", re.ASCII)


def _cookies(match: re.Match[str]) -> tuple[int, int] | None:
    values: list[str] = _COOKIE_VALUE.findall(match["all"])
    return match.span("all") if any(is_secret(value, "weak") for value in values) else None


_USER = re.compile(
    r"""[ ](?:-u[ ]?|--(?:proxy-)?user[ =])["'\\]{0,2}[^\s:"'\\]{1,64}:([^\s"'\\]++)""", re.ASCII
)
_FAR = 256


def _user(match: re.Match[str]) -> tuple[int, int] | None:
    """The password, when ``curl`` stands before it on the same line."""
    start = match.start()
    curl = match.string.rfind("curl ", max(0, start - _FAR), start + 1)
    if curl < 0 or match.string.find("\n", curl, start) >= 0 or not is_password(match[1]):
        return None
    return match.span(1)


HEADERS = (
    Detector("cookie", ("ookie", "OOKIE"), _COOKIES, _cookies),
    Detector("password", ("curl ",), _USER, _user),
)
