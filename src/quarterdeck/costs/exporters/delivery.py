"""Posting to an HTTP endpoint that may be slow, busy, or away for a while."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import random
import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from quarterdeck.errors import StateError, UsageError
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ATTEMPTS = 6
TIMEOUT_S = 30.0
MAX_WAIT_S = 60.0
_MAX_ANSWER_BYTES = 65_536
_TOO_MANY = 429
_SERVER_ERROR = 500


class Delivery:
    """One endpoint, one connection, opened when needed; TLS certificates are verified.

    Attributes:
        place: scheme, host and path of the endpoint, fit to be shown.
    """

    def __init__(
        self,
        endpoint: str,
        headers: Mapping[str, str],
        *,
        default_path: str,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Touches no network.

        Args:
            endpoint: an http or https URL; one without a path gets *default_path*.
            headers: sent with each request, for example a token; never shown or logged.
            default_path: see *endpoint*.
            wait: for so many seconds.

        Raises:
            UsageError: *endpoint* or a header cannot be meant.
        """
        try:
            url = urlsplit(endpoint)
            port = url.port
        except ValueError:
            url, port = urlsplit(""), None
        if url.scheme not in {"http", "https"} or not url.hostname or url.username is not None:
            raise UsageError(
                "the endpoint is not an http or https URL",
                hint="write it like https://collector.example:4318/v1/traces; credentials go into a header",
            )
        for name, value in headers.items():
            if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
                raise UsageError(
                    f"{name!r:.60} cannot be the name of a header", hint="write it like Authorization"
                )
            if not value.isascii() or not value.isprintable():
                raise UsageError(f"the value of header {name} cannot be sent", hint="use printable ASCII")
        path = url.path if url.path not in {"", "/"} else default_path
        self.place = harmless(f"{url.scheme}://{url.hostname}{f':{port}' if port else ''}{path}")
        self._target = path + (f"?{url.query}" if url.query else "")
        self._headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "User-Agent": "quarterdeck",
            **headers,
        }
        self._wait = wait
        self._connection = _connection(url.scheme, url.hostname, port)

    def post(self, body: bytes) -> bytes:
        """Post *body*, compressed, until it is taken; the answer's body.

        A receiver that is away or busy (429, 5xx) is asked up to `ATTEMPTS` times, after waits that double or
        that it asks for, none longer than `MAX_WAIT_S`.

        Raises:
            StateError: it is still away, or refuses, or its certificate is not to be trusted.
        """
        packed = gzip.compress(body, compresslevel=3, mtime=0)
        for attempt in range(ATTEMPTS):
            asked_for = None
            try:
                self._connection.request("POST", self._target, packed, self._headers)
                response = self._connection.getresponse()
                said = response.read(_MAX_ANSWER_BYTES)
            except ssl.SSLCertVerificationError as error:  # the same every time
                self.close()
                raise StateError(
                    f"{self.place} cannot be trusted: {harmless(str(error)):.200}",
                    hint="check the endpoint's name; SSL_CERT_FILE can name the certificates to trust",
                ) from error
            except (OSError, http.client.HTTPException) as error:
                self.close()
                problem = f"{type(error).__name__}: {error}"
            else:
                if len(said) == _MAX_ANSWER_BYTES or response.will_close:
                    self.close()
                if 200 <= response.status < 300:
                    return said
                problem = f"{response.status} {response.reason}"
                if response.status != _TOO_MANY and response.status < _SERVER_ERROR:
                    raise StateError(
                        f"{self.place} refuses: {harmless(problem):.200}",
                        hint="check the endpoint and its headers (a token?), then run the command again",
                    )
                asked_for = _retry_after(response.getheader("Retry-After"))
            if attempt + 1 < ATTEMPTS:
                backoff = 2**attempt * random.uniform(0.5, 1)  # noqa: S311 - to spread retries, not for secrets
                self._wait(min(MAX_WAIT_S, backoff if asked_for is None else asked_for))
        raise StateError(
            f"{self.place} cannot be reached: {harmless(problem):.200}",
            hint="run the command again later: it goes on where it was",
        )

    def close(self) -> None:
        """Give the connection back; the next `post` opens it again."""
        with contextlib.suppress(OSError):
            self._connection.close()


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())


def _retry_after(value: str | None) -> float | None:
    """The seconds that ``Retry-After`` asks for, in seconds or as a date; None where it asks for nothing."""
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value[:6])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
