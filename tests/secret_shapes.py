"""Secrets, personal data, and what only looks like them; nothing here has ever opened anything.

They are made from parts, so that no scanner of repositories takes them for real ones.

`SECRETS` and `PERSONAL`: a name, a text, what must be gone from it, and what must be there afterwards.
`LOOK_ALIKES`: texts that must pass as they are. `TOLD` and `UNTOLD`: dicts in which a key tells, or does not.
"""

from __future__ import annotations

import base64
import json
import random
import string
from typing import NamedTuple

_LOT = random.Random(4)
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
WORD = ALNUM + "_-"


class Shape(NamedTuple):
    """A text with something in it that must go."""

    name: str
    text: str
    gone: str
    left: str


def drawn(length: int, letters: str = ALNUM) -> str:
    """Letters drawn by lot, the same in every run, with a digit among the first."""
    return "7" + "".join(_LOT.choice(letters) for _ in range(length - 1))


def b64url(data: bytes) -> str:
    """As in a JWT."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jwt(algorithm: str = "HS256") -> str:
    """Three parts, the first of which says how the third was made."""
    header = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
    payload = b'{"sub":"1234567890","iat":1516239022}'
    return f"{b64url(header)}.{b64url(payload)}.{drawn(43, WORD)}"


_BODY = "\n".join(drawn(64, ALNUM + "+/") for _ in range(6))


def pem(kind: str) -> str:
    """A private key as it stands in a file."""
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{_BODY}\n-----END {kind}PRIVATE KEY-----"


def whole(name: str, secret: str, kind: str) -> Shape:
    """A secret in the middle of a sentence, all of which goes."""
    return Shape(name, f"use {secret} for now", secret, f"use [REDACTED:{kind}] for now")


def within(name: str, template: str, secret: str, kind: str) -> Shape:
    """A secret with something around it that stays; ``@@`` in *template* is where."""
    return Shape(name, template.replace("@@", secret), secret, template.replace("@@", f"[REDACTED:{kind}]"))


_A3 = "A" * 3
SECRETS = [
    whole("AWS access key id", "AK" + "IA" + "Q7ZB4XN2VJ5KD6MW", "aws-access-key-id"),
    whole("AWS temporary key id", "AS" + "IA" + "Q7ZB4XN2VJ5KD6MW", "aws-access-key-id"),
    whole("AWS Bedrock", "ABSK" + "QmVkcm9ja0FQSUtleS" + drawn(100), "aws-bedrock-key"),
    within(
        "AWS secret key", "aws_secret_access_key = @@\nregion = eu-west-1", drawn(40, ALNUM + "+/"), "secret"
    ),
    *(whole(f"GitHub {p}", f"gh{p}_" + drawn(36), "github-token") for p in "pousr"),
    whole("GitHub fine-grained", "github" + "_pat_" + drawn(22) + "_" + drawn(59), "github-token"),
    whole("GitHub installation, stateless", "ghs" + "_123456_" + jwt("RS256"), "github-token"),
    *(
        whole(f"GitLab {p}", f"gl{p}-" + drawn(20, WORD), "gitlab-token")
        for p in ("pat", "dt", "rt", "ptt", "soat", "cbt")
    ),
    whole("GitLab routable", "gl" + "pat-" + drawn(27) + ".01." + drawn(9, HEX), "gitlab-token"),
    whole("Slack bot", "xo" + "xb-" + "123456789012-1234567890123-" + drawn(24), "slack-token"),
    whole(
        "Slack user", "xo" + "xp-" + "123456789012-123456789012-123456789012-" + drawn(32, HEX), "slack-token"
    ),
    whole("Slack refresh", "xo" + "xe.xo" + "xp-1-" + drawn(140), "slack-token"),
    whole("Slack app", "xa" + "pp-1-A0123456789-1234567890123-" + drawn(64, HEX), "slack-token"),
    within(
        "Slack webhook",
        "POST https://hooks.slack.com/services/@@ now",
        f"T01ABCDEF/B01ABCDEF/{drawn(24)}",
        "slack-webhook",
    ),
    within(
        "Discord webhook",
        "https://discord.com/api/webhooks/@@",
        f"123456789012345678/{drawn(68, WORD)}",
        "discord-webhook",
    ),
    whole("Discord bot", "MT" + drawn(24) + "." + drawn(6, WORD) + "." + drawn(38), "discord-token"),
    whole("OpenAI", "sk" + "-" + drawn(48), "openai-key"),
    whole("OpenAI, old", "sk" + "-" + drawn(20) + "T3Blbk" + "FJ" + drawn(20), "openai-key"),
    whole("OpenAI project", "sk" + "-proj-" + drawn(120, WORD), "openai-key"),
    whole("OpenAI service account", "sk" + "-svcacct-" + drawn(120, WORD), "openai-key"),
    whole("OpenRouter", "sk" + "-or-v1-" + drawn(64, HEX), "openai-key"),
    whole("Anthropic", "sk" + "-ant-api03-" + drawn(93, WORD) + "AA", "anthropic-key"),
    whole("Anthropic admin", "sk" + "-ant-admin01-" + drawn(93, WORD) + "AA", "anthropic-key"),
    whole("Google API", "AI" + "za" + "Sy" + drawn(33, WORD), "google-key"),
    whole("Google OAuth secret", "GOC" + "SPX-" + drawn(28, WORD), "google-token"),
    whole("Google access token", "ya" + "29." + drawn(100, WORD), "google-token"),
    *(
        whole(f"Stripe {p}", f"{p}_{m}_" + drawn(24), "stripe-key")
        for p, m in [("sk", "live"), ("rk", "live"), ("sk", "test")]
    ),
    whole("Stripe webhook", "wh" + "sec_" + drawn(32), "stripe-key"),
    whole("SendGrid", "S" + "G." + drawn(22, WORD) + "." + drawn(43, WORD), "sendgrid-key"),
    whole("Twilio", "S" + "K" + drawn(32, HEX), "twilio-key"),
    whole("npm", "np" + "m_" + drawn(36), "npm-token"),
    whole("PyPI", "py" + "pi-AgEI" + "cHlwaS5vcmc" + drawn(150, WORD), "pypi-token"),
    whole("Hugging Face", "h" + "f_" + "QwErTyUiOpAsDfGhJkLzXcVbNmQwErTyUi", "huggingface-token"),
    within(
        "Telegram",
        "https://api.telegram.org/bot@@/getMe",
        f"123456789:{_A3[:2]}{drawn(33, WORD)}",
        "telegram-token",
    ),
    whole("Telegram alone", "123456789:AA" + drawn(33, WORD), "telegram-token"),
    within(
        "Azure storage",
        "AccountName=a;AccountKey=@@;EndpointSuffix=core.windows.net",
        drawn(86, ALNUM + "+/") + "==",
        "azure-key",
    ),
    whole("Azure client secret", "abc8" + "Q~" + drawn(34, ALNUM + "_.~-"), "azure-client-secret"),
    whole("JWT", jwt(), "jwt"),
    whole("JWT, unsigned", jwt("none").rpartition(".")[0] + ".", "jwt"),
    *(
        whole(name, prefix + drawn(length, letters), "vendor-token")
        for name, prefix, length, letters in [
            ("DigitalOcean", "dop" + "_v1_", 64, HEX),
            ("Databricks", "da" + "pi", 32, HEX),
            ("Groq", "gs" + "k_", 52, ALNUM),
            ("xAI", "xa" + "i-", 80, ALNUM),
            ("Replicate", "r" + "8_", 37, ALNUM),
            ("Tavily", "tvl" + "y-", 32, ALNUM),
            ("Vault", "hv" + "s.", 95, WORD),
            ("Shopify", "shp" + "at_", 32, HEX),
            ("Linear", "lin" + "_api_", 40, ALNUM),
            ("Notion", "nt" + "n_", 46, ALNUM),
            ("Perplexity", "ppl" + "x-", 48, ALNUM),
            ("LangSmith", "lsv2" + "_pt_" + drawn(32, HEX) + "_", 10, HEX),
            ("Docker", "dckr" + "_pat_", 27, WORD + "7"),
            ("RubyGems", "ruby" + "gems_", 48, HEX),
            ("Mailgun", "ke" + "y-", 32, HEX),
            ("Atlassian", "ATA" + "TT3", 180, WORD + "7"),
            ("Supabase", "sb" + "p_", 40, HEX),
        ]
    ),
    *(
        whole(f"{kind or 'PKCS8 '}private key", pem(kind), "private-key")
        for kind in ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")
    ),
    whole(
        "PGP private key",
        pem("PGP ").replace("KEY-----", "KEY BLOCK-----").replace("-----\n", "-----\nVersion: x - 2\n\n", 1),
        "private-key",
    ),
    whole("private key on one line", pem("RSA ").replace("\n", "\\n"), "private-key"),
    Shape("private key that was cut off", "a " + pem("")[:150], pem("")[28:60], "a [REDACTED:private-key]"),
    within("URL password", "postgres://app:@@@db.example.com:5432/app", "s3cr3t-pw", "url-password"),
    within("URL password with an @", "mysql://app:@@@db/app", "p@ss@w0rd", "url-password"),
    within("Redis URL", "redis://:@@@localhost:6379/0", "hunter2", "url-password"),
    within("bearer header", "Authorization: Bearer @@", drawn(40), "authorization"),
    within(
        "bearer in a command",
        "curl -H 'Authorization: Bearer @@' https://x.example",
        drawn(30),
        "authorization",
    ),
    within("basic header", "authorization: Basic @@", "YWRtaW46aHVudGVyMg==", "authorization"),
    within("bearer alone", "sent Bearer @@ to it", drawn(30), "authorization"),
    within(".env password", "A=1\nDB_PASSWORD=@@\nB=2", "correcthorse", "password"),
    within(".env key", "export SERVICE_API_KEY=@@\n", drawn(20), "secret"),
    within(".env quoted", 'SMTP_PASS="@@"', "two words", "password"),
    within("YAML", "user: app\npassword: @@\nport: 5432", "hunter2", "password"),
    within("JSON in a text", '{"user": "a", "password": "@@", "n": 1}', 'qu\\"oted', "password"),
    within("JSON in JSON in a text", '{\\"password\\": \\"@@\\"}', "hunter2", "password"),
    within("Python", "password = '@@'  # todo", "hunter2", "password"),
    within("Python, annotated", 'api_key: str = "@@"', drawn(20), "secret"),
    within("environ", 'os.environ["CLIENT_SECRET"] = "@@"', "topsecretvalue", "secret"),
    within("query", "https://x.example/cb?state=1&access_token=@@&z=1", drawn(30), "secret"),
    within("option", "app --password @@ --verbose", "hunter2x", "password"),
    within("option with =", "app --api-key=@@", drawn(20), "secret"),
    within("header of its own", "X-Api-Key: @@", drawn(32), "secret"),
    within("connection string", "Server=db;User Id=sa;Password=@@;Encrypt=true", "Pa55w0rd!", "password"),
    whole("an agent's own token", "qd" + "_" + drawn(72, HEX), "quarterdeck-token"),
    within("basic alone", "sent Basic @@ to it", "dXNlcjpwYXNzd29yZA==", "authorization"),
    within("cookie", "GET /\nCookie: @@\nHost: x", f"theme=dark; session={drawn(32, HEX)}", "cookie"),
    within("cookie that is set", "< Set-Cookie: @@", f"sid={drawn(20)}; Path=/; HttpOnly", "cookie"),
    within("curl", "curl -u admin:@@ https://x.example", "CorrectHorse7", "password"),
    within("curl, quoted", "curl -s --user 'admin:@@' https://x.example", "Correct$Horse", "password"),
    within("quote that never ends", 'password: "@@', "hunter2", "password"),
]

PERSONAL = [
    within("mail", "write to @@ today", "alice@example.com", "email"),
    within("mail in brackets", "Alice <@@>, Bob", "alice.b+news@mail.example.co.uk", "email"),
    within("mail at the end", "ask @@.", "o'brien@example.ie", "email"),
    within("mail, international", "an @@ schreiben", "jürgen@münchen.example", "email"),
    within("mailto", '<a href="mailto:@@">', "a_b-c@x-y.example.org", "email"),
    within("two mails", "@@,", "a@example.com;b@example.com", "email] [REDACTED:email"),
    *(
        within(name, "card @@ declined", number, "card")
        for name, number in [
            ("Visa", "4111111111111111"),
            ("Visa in groups", "4111 1111 1111 1111"),
            ("Visa with dashes", "4111-1111-1111-1111"),
            ("Visa of 13", "4222222222222"),
            ("Mastercard", "5555 5555 5555 4444"),
            ("Mastercard, new", "2223003122003222"),
            ("American Express", "3782 822463 10005"),
            ("Diners Club", "30569309025904"),
            ("Discover", "6011111111111117"),
            ("JCB", "3530111333300000"),
            ("UnionPay of 19", "6205500000000000004"),
        ]
    ),
    *(
        within(f"IBAN {number[:2]}", "pay @@ now", number, "iban")
        for number in [
            "DE89370400440532013000",
            "DE89 3704 0044 0532 0130 00",
            "GB82WEST12345698765432",
            "GB82 WEST 1234 5698 7654 32",
            "NO9386011117947",
            "NL91ABNA0417164300",
            "FR1420041010050500013M02606",
            "MT84MALT011000012345MTLCAST001S",
        ]
    ),
    within("SSN", "ssn 536-@@", "22-1234", "ssn")._replace(left="ssn [REDACTED:ssn]"),
    *(
        within(f"phone {number}", "call @@ or wait", number, "phone")
        for number in [
            "+14155552671",
            "+1 (415) 555-2671",
            "+44 20 7946 0958",
            "+49-30-1234567",
            "(415) 555-2671",
            "415-555-2671",
            "415.555.2671",
            "1-800-555-0199",
        ]
    ),
]
PERSONAL = [
    shape if shape.name != "two mails" else shape._replace(left="[REDACTED:email];[REDACTED:email],")
    for shape in PERSONAL
]

LOOK_ALIKES = [
    drawn(40, HEX),
    drawn(64, HEX),
    "commit 9b1c7de04f3a66b2c8e15d7a90f4c3b2e1d0a9f8",
    "550e8400-e29b-41d4-a716-446655440000",
    "12345678-4111-1111-1111-111111111111",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "data:image/png;base64," + drawn(400, ALNUM + "+/") + "==",
    "sha256:" + drawn(64, HEX),
    "sha512-" + drawn(86, ALNUM + "+/") + "==",
    "#a1b2c3 #fff rgba(0,0,0,.5)",
    "v1.2.3 2.0.0-rc.1+build.5 1.2.3.4-alpha",
    "2026-11-22T23:50:41.123456Z",
    "22-11-2026 23:50",
    "1732320000123",
    "1732320000123456789",
    "order 4111111111111112",
    "orders 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    "9780306406157",
    "978-0-306-40615-7",
    "/usr/lib/python3.11/site-packages/quarterdeck/scrub/__init__.py",
    "C:\\Users\\me\\AppData\\Local\\Temp\\x.txt",
    "@property\ndef x(self): ...",
    "@app.route('/x')\n@pytest.mark.parametrize('a', [1])",
    "y = a@b.T + W@x.transpose()",
    "C = A @ B",
    "@scope/pkg @types/node @babel/core@^7.0.0",
    "pkg@1.2.3 left-pad@1.2.3-beta.rc go.example/m@v1.2.3-rc.one",
    "actions/checkout@v4",
    "git@github.com:org/repo.git",
    "ssh://git@github.com/org/repo.git",
    "https://me@github.example.com/org/repo",
    "root@web-1:~# ls",
    "ubuntu@ip-10-0-0-1.ec2.internal:~$ ls",
    "scp x deploy@host.example.com:/var/www",
    "admin@localhost",
    "logo@2x.png icon@3x.svg",
    "@alice and @bob, see #12",
    "registry.example.com:5000/team/image:1.2@sha256:" + drawn(64, HEX),
    "127.0.0.1:6379 10.0.0.0/8 192.168.100.200",
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334 ::1 fe80::1%eth0",
    "00:1b:44:11:3a:b7",
    "sk-learn sk-loading-indicator-wrapper-element-large",
    "task-550e8400e29b41d4a716446655440000",
    "risk-assessment-2026-final-version-b",
    "disk-0123456789abcdef0123456789abcdef",
    "class='btn btn-primary sk-circle-fade-dot'",
    "someVeryLongCamelCaseNameOfAFactoryForAbstractFactories",
    "SOME_VERY_LONG_CONSTANT_NAME_IN_CAPITALS_2",
    "the password is wrong, the token has expired, keep it secret",
    "Forgot your password? Reset the token here.",
    "def f(token: str, password: str | None = None, *, secret: Secret) -> None: ...",
    "token: string; password?: string;",
    "password = get_password()\ntoken = tokens[0]\nsecret = settings.secret",
    "login(user, password=password, token=self.token)",
    'api_key = os.environ["SERVICE_API_KEY"]',
    "api_key=settings.api_key",
    "max_tokens: 4096, max_tokens=200000, input_tokens: 123456",
    "DB_PASSWORD=\nAPI_KEY=",
    "DB_PASSWORD=${DB_PASSWORD}\nAPI_KEY=<your key>\nTOKEN=***",
    "password: ********",
    'password: ""',
    "password=$DB_PASSWORD",
    'api_key: "YOUR_API_KEY"',
    'credentials: "include"',
    "PWD=/home/me/project2",
    "postgres://app:${PASSWORD}@db/app redis://:***@host",
    "postgres://localhost:5432/app http://host:8080/a:b",
    "Authorization: Bearer <token>",
    "Authorization: required",
    "Basic authentication and bearer tokens are supported",
    "the bearer of this letter",
    "-----BEGIN CERTIFICATE-----\n" + drawn(64) + "\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\n" + drawn(64) + "\n-----END PUBLIC KEY-----",
    "look for -----BEGIN PRIVATE KEY----- in the file",
    "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
    "ssh-ed25519 " + "A" * 4 + drawn(64) + " me@laptop",
    "eyJust a word.that is.no token",
    b64url(b'{"a":1,"b":"cdefgh"}') + ".eyJhIjoxfQ." + drawn(43),
    "AKIA is a prefix, ghp_ too, and xoxb-",
    "hf_hub_download(repo_id=x) hf_transfer_enabled_by_default_in_v2_0",
    "npm_config_registry npm_lifecycle_event",
    "key-value-store-with-a-long-name",
    "0x555-123 call 0x4155552671",
    "timeout=555_123_4567 id 4155552671",
    "total 123.4567 and 1234.5678",
    "a+1 b +2 c+=3 x=+12",
    "+100 -200 lines",
    "+1234567 -7654321",
    "git push -u origin:main; docker run -u 1000:1000 x; curl -u admin:$PASSWORD https://x.example",
    "Basic authentication, basic functionality, Basic understanding",
    "Cookie: theme=dark; lang=en-US; max-age=31536000",
    "cookie = make_cookie(name=first1234)",
    "qd_0123456789 and qd_memory_put_get_ls_watch_stats_doctor",
    "000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000",
    "DE89370400440532013001",
    "AB12 CDEF 3456 7890",
    "!function(e,t){var n=e.t,r=t.key;return n@r}(a,b);var k=a.secret||b.token;",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor.",
    "日本語のテキスト、絵文字 🎉🔑 и кириллица",
    "",
    " ",
    "[REDACTED:email] and [REDACTED:github-token]",
    "token_count token_ids tokenizer secretary passwordless passport",
    "see also keys, keyboard: de, monkey: 1, key: value1234",
    "<input type='password' name='password' placeholder='Password'>",
    "arn:aws:iam::123456789012:role/admin",
    "projects/my-project/secrets/db-password/versions/3",
    "kind: Secret\nsecretName: app-tls",
    "T00:00:00 12:34:56.789 +02:00 +0100",
]

TOLD = [
    {"password": "hunter2"},
    {"password": "123456"},
    {"password": "changeme"},
    {"Password": "correct horse battery staple"},
    {"db_passwd": "q"},
    {"passphrase": "a b c"},
    {"smtp_pass": "abc"},
    {"clientSecret": "topsecretvalue"},
    {"client_secret": "abcdef"},
    {"api_key": "abcdef123"},
    {"apiKey": "lowercaseonlykey"},
    {"x-api-key": "abcdef123"},
    {"AWS_SECRET_ACCESS_KEY": "wJalr/XUtnFEMI+K7MDENGbPxRfiCY"},
    {"access_token": "0123456789"},
    {"refreshToken": "abc-def-ghi"},
    {"private_key": "notpembutsecret"},
    {"secret": "a1b2c3d4e5"},
    {"token": "9f8e7d6c5b4a"},
    {"passwords": ["one", "two"]},
    {"name": "DB_PASSWORD", "value": "hunter2"},
    {"key": "api_key", "value": "abcdef123"},
    {"a": [{"b": {"password": "hunter2"}}]},
    {"password": {"value": "hunter2"}},
    {"password": {"old": "hunter2", "description": "of the user"}},
    {"db_password": {"type": "string", "sensitive": True, "value": "hunter2"}},
    {"password": [["hunter2"], {"x": ["hunter2"]}]},
    {"api_keys": {"prod": "abcdef123", "created_at": "2026-11-22"}},
    {"token": {"value": "a1b2c3d4e5"}},
    {"Authorization": "Basic aHVudGVyMjpodW50ZXIy"},
    {"Authorization": "a1b2c3d4e5"},
    {"Cookie": "session=a1b2c3d4e5f60718"},
    {"set-cookie": ["session=a1b2c3d4e5f60718; Path=/"]},
    {"cookies": {"session": "a1b2c3d4e5f60718"}},
    {"headers": [{"name": "Cookie", "value": "session=a1b2c3d4e5f60718"}]},
    {"ssn": "536221234"},
    {"ssn": ["536221234"]},
    {"passport_number": "C01234567"},
]

UNTOLD = [
    {"password": ""},
    {"password": "***"},
    {"password": "<password>"},
    {"password": "${DB_PASSWORD}"},
    {"password": "{{ vault.password }}"},
    {"password": None},
    {"password": True},
    {"password": {"type": "string", "minLength": 8}},
    {"password": "required"},
    {"password": {"type": "string", "title": "Password", "format": "password", "description": "of the user"}},
    {"password": {"$ref": "#/definitions/Password"}},
    {"api_key": {"in": "header", "name": "X-API-Key", "type": "apiKey"}},
    {"api_key": {"created_at": "2026-11-22", "id": "key-1234567"}},
    {"client_secret": "abcde"},
    {"credentials": {"username": "deploy01", "region": "eu-west-1"}},
    {"Authorization": "required"},
    {"Authorization": "Bearer <token>"},
    {"Cookie": "theme=dark; lang=en"},
    {"cookies": {"theme": "dark"}},
    ["password", "hunter2"],
    {"password": "[REDACTED:password]"},
    {"password_file": "/run/secrets/db"},
    {"password_policy": "strong1234"},
    {"api_key": "SERVICE_API_KEY"},
    {"api_key": "YOUR_API_KEY"},
    {"api_key": "env:SERVICE_API_KEY"},
    {"private_key": "/etc/ssl/private/key.pem"},
    {"secret": "vault://kv/app"},
    {"token": "hello"},
    {"token": "the quick brown fox 123"},
    {"eos_token": "<|endoftext|>"},
    {"next_page_token": "a1b2c3d4e5f6"},
    {"tokens": ["hello", "world"]},
    {"max_tokens": 4096, "token_count": 12},
    {"key": "value1234", "keys": ["a1b2c3d4"]},
    {"primary_key": "user_id_1234", "sort_key": "created_at_2"},
    {"public_key": "abcdef123456"},
    {"monkey": "abcdef123456"},
    {"credentials": "include"},
    {"pwd": "/home/me/project"},
    {"private_key_id": "abcdef"},
    {"phone": "5551234567"},
    {"name": "x", "value": "hunter2"},
]
