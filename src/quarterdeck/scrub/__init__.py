"""What is secret or personal is taken out of every value before it is stored.

    JSON ── prefilter: a glance at the bytes ── nothing there: the same bytes (nearly every value)
      └── parsed ── each text and each key ── detectors ── JSON with marks in their place
                      tokens     shapes of vendors' keys, private keys, passwords in URLs
                      named      what its name gives away: "password": …, API_KEY=…
                      headers    cookies, curl -u user:password
                      personal   mail, cards, bank accounts, phones

A mark is ``[REDACTED:github-token]``. Only texts change: the structure, numbers and everything else stay as
they are, and what has been scrubbed once is not changed again. What cannot be scrubbed is not stored.

Numbers are never touched, not even one that looks like a card: most are ids, and an id that is changed is
lost. Addresses of machines are not personal.
"""

from __future__ import annotations

import msgspec

from quarterdeck.errors import ScrubRefused
from quarterdeck.scrub import prefilter
from quarterdeck.scrub.detector import Effort
from quarterdeck.scrub.headers import HEADERS
from quarterdeck.scrub.named import ASSIGNED
from quarterdeck.scrub.personal import PERSONAL
from quarterdeck.scrub.search import Search
from quarterdeck.scrub.tokens import OTHERS, TOKENS

NAMES_KEPT = 4096
"""So many names that hold nothing are remembered: the same keys are written again and again."""


class Scrubber:
    """Takes secrets and personal data out of JSON; may be shared by threads."""

    def __init__(self, *, personal: bool = True, secrets: bool = True) -> None:
        """Looks for what is *personal*, for *secrets*, or for both."""
        self._personal = personal
        self._secrets = secrets
        self._of_names = (OTHERS + TOKENS) * secrets
        self._of_keys = self._of_names + PERSONAL * personal
        self._of_texts = (ASSIGNED + HEADERS) * secrets
        self._suspicious = prefilter.best() if self._of_keys else None
        self._harmless: set[str] = set()

    def scrub(self, data: bytes) -> bytes:
        """The same JSON without them; *data* itself when there is nothing to take out.

        Args:
            data: JSON as msgspec writes it.

        Raises:
            ScrubRefused: two keys of a dict would become one, there are too many places to judge, or *data*
                could not be searched.
        """
        if self._suspicious is None or not self._suspicious(data):
            return data
        try:
            return self._scrubbed(data)
        except ScrubRefused:
            raise
        except Exception:  # noqa: BLE001 - whatever it is: it must not let a secret pass, nor show it
            raise ScrubRefused(
                "a value could not be searched for secrets",
                hint="store it in smaller parts, and report this: it should not happen",
            ) from None

    def scrub_many(self, datas: list[bytes]) -> list[bytes]:
        """`scrub` for each; all of them are glanced at in one pass, in which most have nothing."""
        if self._suspicious is None or not self._suspicious(b"\n".join(datas)):
            return datas
        return [self.scrub(data) for data in datas]

    def refuse(self, text: str, what: str) -> None:
        """Raise when a name holds a secret: nothing can be taken out of a name.

        Only shapes count, no ``token:value``: keys are often made that way. Mail addresses may stand in
        names, because people's agents are called by them, and two people must not become one.

        Args:
            text: the name.
            what: how an error calls it: ``key``, ``queue``.

        Raises:
            ScrubRefused: it holds one; the message tells its kind.
        """
        if text in self._harmless or self._suspicious is None:
            return
        for detector in self._of_names if self._suspicious(text.encode()) else ():
            if detector.is_near(text) and detector.replaced(text, Effort()) is not text:
                raise ScrubRefused(
                    f"the {what} holds a secret ({detector.kind}), and would be seen by all who list names",
                    hint=f"choose another {what}; a hash of the secret can stand for it",
                )
        if len(self._harmless) >= NAMES_KEPT:
            self._harmless.clear()
        self._harmless.add(text)

    def _scrubbed(self, data: bytes) -> bytes:
        text = data.decode()
        in_keys = tuple(detector for detector in self._of_keys if detector.is_near(text))
        in_texts = in_keys + tuple(detector for detector in self._of_texts if detector.is_near(text))
        value = [msgspec.json.decode(data)]
        search = Search(in_keys, in_texts, Effort(), secrets=self._secrets, personal=self._personal)
        if search.scrub(value):
            return msgspec.json.encode(value[0])
        return data
