"""Secrets with a shape of their own: keys and tokens as their vendors publish them, private keys, URLs.

One line for each vendor. A token starts where a word starts, so that ``task-…`` is no ``sk-…``.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

import msgspec

from quarterdeck.scrub.detector import is_password, shaped

if TYPE_CHECKING:
    from collections.abc import Callable

    from quarterdeck.scrub.detector import Detector

_END = r"(?![A-Za-z0-9])"
_WORD = "[A-Za-z0-9_-]"


def _has_digit(text: str) -> bool:
    return any(character in "0123456789" for character in text)


def _is_jwt(text: str) -> bool:
    """Whether the first part is the JSON of a header with an algorithm."""
    header = text.partition(".")[0]
    try:
        fields = msgspec.json.decode(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (ValueError, RecursionError):  # msgspec's errors and binascii's are ValueErrors
        return False
    return isinstance(fields, dict) and "alg" in fields


def _is_basic(text: str) -> bool:
    """Whether *text* is the base64 of ``user:password``."""
    try:
        return b":" in base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return False


def _is_user(text: str) -> bool:
    """Whether *text* is the base64 of ``user:password`` that can be read: ``Basic`` is an everyday word."""
    plain = base64.b64decode(text + "=" * (-len(text) % 4)) if _is_basic(text) else b""
    return b":" in plain and plain.isascii() and plain.decode().isprintable()


_KEY_BODY = re.compile(r"[A-Za-z0-9+/]{20}", re.ASCII)


def _token(
    kind: str,
    anchors: str,
    pattern: str,
    holds: Callable[[str], bool] | None = None,
    after_no: str = "A-Za-z0-9",
) -> Detector:
    return shaped(kind, anchors, pattern, holds, after_no=after_no)


_HEADER = r"(?i)authorization[\"'\\\]]{0,4} {0,4}[:=,] {0,4}[\"'\\]{0,4}"

TOKENS = (
    _token(
        "aws-access-key-id",
        "AKIA ASIA ABIA ACCA A3T",
        rf"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{{16}}{_END}",
    ),
    _token(
        "aws-bedrock-key",
        "ABSK bedrock-api-key-",
        r"(?:ABSKQmVkcm9ja0FQSUtleS|bedrock-api-key-[A-Za-z0-9]{4})[A-Za-z0-9+/_-]{16,}+=*",
    ),
    # Installation tokens (ghs_) may be a JWT with a prefix since 2026, with dots in it.
    _token(
        "github-token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        r"(?:gh[pour]_[A-Za-z0-9_]{36,}|ghs_[A-Za-z0-9_.-]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    _token(
        "gitlab-token",
        "glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glsoat- gloas- glimt- glagent- glffct- GR1348941",
        rf"(?:gl(?:pat|dt|rtr?|cbt|ptt|ft|soat|oas|imt|agent|ffct)-{_WORD}{{20,}}(?:\.[a-z0-9.]{{9,12}})?"
        rf"|GR1348941{_WORD}{{20,}})",
    ),
    _token("slack-token", "xox", rf"xox[a-z](?:\.xox[a-z])?-(?=[A-Za-z-]{{0,64}}[0-9]){_WORD}{{13,}}"),
    _token("slack-token", "xapp-", rf"xapp-\d-{_WORD}{{20,}}"),
    _token(
        "discord-token",
        ".",
        rf"[MNO]{_WORD}{{23,27}}\.{_WORD}{{6}}\.{_WORD}{{27,40}}{_END}",
        after_no="A-Za-z0-9_.-",
    ),
    _token("anthropic-key", "sk-ant-", rf"sk-ant-{_WORD}{{20,}}"),
    _token("openai-key", "sk-", rf"sk-(?:proj|svcacct|admin|None|or-v1|lf)-{_WORD}{{20,}}", _has_digit),
    _token("openai-key", "sk-", r"sk-(?=[A-Za-z]{0,40}[0-9]|[A-Za-z]{40})[A-Za-z0-9]{20,}"),
    _token("quarterdeck-token", "qd_", rf"qd_[0-9a-f]{{72}}{_END}"),
    _token("google-key", "AIza", rf"AIza{_WORD}{{35}}"),
    _token("google-token", "GOCSPX- ya29.", rf"(?:GOCSPX-{_WORD}{{20,}}|ya29\.{_WORD}{{20,}})"),
    _token(
        "stripe-key",
        "k_live_ k_test_ k_prod_ whsec_",
        r"(?:[sr]k_(?:live|test|prod)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{24,})",
    ),
    _token("sendgrid-key", "SG.", rf"SG\.{_WORD}{{16,32}}\.{_WORD}{{16,64}}"),
    _token("twilio-key", "SK", rf"SK[0-9a-f]{{32}}{_END}", after_no="A-Za-z0-9_"),
    _token("npm-token", "npm_", rf"npm_[A-Za-z0-9]{{36}}{_END}"),
    _token("pypi-token", "pypi-Ag", rf"pypi-Ag{_WORD}{{50,}}"),
    _token(
        "huggingface-token",
        "hf_ api_org_",
        rf"(?:hf|api_org)_(?=[a-z0-9]{{0,33}}[A-Z])[A-Za-z0-9]{{30,}}{_END}",
        after_no="A-Za-z0-9_",
    ),
    _token("telegram-token", ":AA", rf"(?:bot)?(\d{{8,10}}:AA{_WORD}{{33}}){_END}", after_no="A-Za-z0-9:"),
    _token(
        "azure-client-secret",
        "Q~",
        r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}" + _END,
        after_no="A-Za-z0-9_~.-",
    ),
    _token(
        "jwt",
        "eyJ",
        rf"(?:(?=eyJ){_WORD}{{16,}}+\.{_WORD}{{2,}}+(?:\.{_WORD}*+){{1,3}})",
        _is_jwt,
        after_no="A-Za-z0-9_.-",
    ),
    _token(
        "vendor-token",
        "dop_v1_ doo_v1_ dor_v1_ dapi gsk_ xai- r8_ tvly- hvs. hvb. hvr. shpat_ shpca_ shppa_ shpss_ "
        "lin_api_ ntn_ pplx- PMAK- NRAK- glsa_ glc_eyJ dp. pscale_ ATATT3 AKCp sq0atp- sq0csp- HRKU- lsv2_ "
        "pcsk_ sbp_ dckr_ rubygems_ nfp_ sntrys_ sntryu_ figd_ EAA pul- fo1_ key- -us AGE-SECRET-KEY-",
        rf"(?:do[opr]_v1_[a-f0-9]{{64}}|dapi[a-f0-9]{{32}}|gsk_[A-Za-z0-9]{{40,}}"
        rf"|xai-[A-Za-z0-9]{{60,}}|r8_[A-Za-z0-9]{{37}}|tvly-(?:dev-|prod-)?[A-Za-z0-9]{{24,}}"
        rf"|hv[sbr]\.{_WORD}{{24,}}"
        r"|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|lin_api_[A-Za-z0-9]{40}|ntn_[A-Za-z0-9]{40,}|pplx-[A-Za-z0-9]{48}"
        r"|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|NRAK-[A-Z0-9]{27}|glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"
        r"|glc_eyJ[A-Za-z0-9]{16}[A-Za-z0-9+/]{16,}={0,2}|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,}"
        r"|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,}|ATATT3[A-Za-z0-9_-]{60,}(?:=[A-F0-9]{8})?"
        rf"|AKCp[A-Za-z0-9]{{69}}|sq0(?:atp|csp)-{_WORD}{{22,43}}|HRKU-{_WORD}{{36,}}"
        r"|lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}|pcsk_[A-Za-z0-9_]{40,}|sbp_[a-f0-9]{40}"
        rf"|dckr_(?:pat|oat)_{_WORD}{{27,}}|rubygems_[a-f0-9]{{48}}|nfp_[A-Za-z0-9]{{36,}}"
        rf"|sntry[su]_[A-Za-z0-9]{{16}}[A-Za-z0-9+/=_]{{34,}}|figd_{_WORD}{{40,}}|EAA[A-Z][A-Za-z0-9]{{100,}}"
        rf"|pul-[a-f0-9]{{40}}|fo1_{_WORD}{{43}}|key-[a-f0-9]{{32}}|[a-f0-9]{{32}}-us\d{{1,2}}"
        rf"|AGE-SECRET-KEY-1[A-Z0-9]{{58}}){_END}",
        after_no="A-Za-z0-9_-",
    ),
)
"""Each has at least `MIN_RUN` characters of `RUN` in a row, with its anchor in them or just before."""

RUN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.~")
MIN_RUN = 18

OTHERS = (
    # To its END; one that was cut off, to the end of its base64.
    shaped(
        "private-key",
        "PRIVATE KEY",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[^-]*+(?:-(?!----)[^-]*+)*+-----END [A-Z0-9 ]{0,60}-----|(?:[\s\\]{1,4}[A-Za-z0-9+/=,:.]++)*+)",
        lambda text: _KEY_BODY.search(text, 40) is not None,
    ),
    shaped(
        "azure-key",
        "AccountKey= SharedAccessKey=",
        r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{43,}+={0,2})",
    ),
    shaped(
        "slack-webhook",
        "hooks.slack.com/",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/((?:[A-Za-z0-9]{1,24}/){1,4}[A-Za-z0-9]{18,})",
    ),
    shaped(
        "discord-webhook",
        "/api/webhooks/",
        rf"discord(?:app)?\.com/api/webhooks/(\d{{15,20}}/{_WORD}{{50,}})",
    ),
    shaped(
        "url-password",
        "@",
        r"""://[^\s/?#@:"'<>\\]{0,128}:([^\s/?#"'<>\\]{1,256})@""",
        is_password,
    ),
    shaped(
        "authorization",
        "uthorization UTHORIZATION",
        _HEADER + r"basic {1,4}([A-Za-z0-9+/_-]{8,}+={0,2})",
        _is_basic,
    ),
    shaped(
        "authorization",
        "uthorization UTHORIZATION",
        _HEADER + r"(?:bearer|token|bot|apikey|digest|key) {1,4}([A-Za-z0-9._~+/:=-]{8,})",
        lambda text: _has_digit(text) or len(text) >= 32,
    ),
    shaped(
        "authorization",
        "earer EARER",
        r"[bB](?i:earer) {1,4}([A-Za-z0-9._~+/-]{16,}+={0,2})",
        lambda text: _has_digit(text),
        after_no="A-Za-z0-9",
    ),
    shaped(
        "authorization",
        "asic ASIC",
        r"[bB](?i:asic) {1,4}([A-Za-z0-9+/]{8,}+={0,2})",
        _is_user,
        after_no="A-Za-z0-9",
    ),
)
