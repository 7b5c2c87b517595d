"""Money is an integer of pico-dollars; this is where it meets other notations.

7,938 of 7,994 published prices are whole pico-dollars per token, so whole pico-dollars add up exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from decimal import Decimal

PICO = 10**12
"""Pico-dollars in a dollar."""

MAX_USD = 4_000_000
"""More than anybody may budget or be billed at once; keeps every amount within 64 bits."""

MAX_CHARS = 100
"""Of an amount as people write it."""

# decimal is imported where it is used: importing it costs more than pricing a thousand requests.


def to_usd(picousd: int) -> float:
    """The float nearest to *picousd* in dollars."""
    return picousd / PICO


def to_decimal(picousd: int) -> Decimal:
    """*picousd* in dollars, exactly."""
    from decimal import Context, Decimal

    return Decimal(picousd).scaleb(-12, Context(prec=MAX_CHARS))  # the caller's context may round


def parse_usd(value: str | float | Decimal, *, name: str = "amount") -> int:
    """Dollars as people write them (``12``, ``"0.05"``, ``"$1,250.00"``) to pico-dollars.

    A float counts as its shortest decimal notation: 0.1 is a tenth, not the binary number beside it. Commas
    may stand between thousands only: ``12,50``, as half of the world writes 12.50, is not taken for 1250.

    Raises:
        UsageError: not a number, negative, beyond `MAX_USD`, or finer than a pico-dollar.
    """
    from decimal import Context, Decimal, InvalidOperation

    text = str(value).strip().removeprefix("$").replace("_", "")
    if _has_thousands(text):
        text = text.replace(",", "")
    try:
        dollars = Decimal(text if len(text) <= MAX_CHARS else "NaN")
    except InvalidOperation:
        dollars = Decimal("NaN")
    if not dollars.is_finite() or not 0 <= dollars <= MAX_USD:
        raise UsageError(
            f"{name} must be dollars from 0 to {MAX_USD:,}, got {value!r:.40}", hint="write it like 12.50"
        )
    pico = dollars.scaleb(12, Context(prec=MAX_CHARS))  # the caller's context may round
    if (dollars and dollars.adjusted() < -12) or pico != pico.to_integral_value():
        raise UsageError(
            f"{name} is finer than a pico-dollar: {value!r:.40}", hint="give at most twelve decimals"
        )
    return int(pico)


def stated_price(dollars: object) -> int | None:
    """The number *dollars*, from anywhere, to the nearest pico-dollar; None where that is no price.

    A float counts as its shortest decimal notation, as in `parse_usd`.
    """
    from decimal import Context, Decimal

    if type(dollars) is not int and type(dollars) is not float:  # not bool
        return None
    if not 0 <= dollars <= MAX_USD:  # NaN is neither
        return None
    return round(Decimal(repr(dollars)).scaleb(12, Context(prec=MAX_CHARS)))


def _has_thousands(text: str) -> bool:
    """Whether *text* has commas, and only where a thousand begins."""
    first, *groups = text.partition(".")[0].split(",")
    return {len(group) for group in groups} == {3} and 0 < len(first) <= 3 and first[0] != "0"


def format_usd(picousd: int) -> str:
    """*picousd* for people: cents from a dollar up, below it three significant digits; never 0 for something.

    >>> format_usd(1_234_560_000_000_000), format_usd(155_000_000_000), format_usd(1_200_000), format_usd(0)
    ('$1,234.56', '$0.155', '$0.0000012', '$0.00')
    """
    sign, amount = ("-", -picousd) if picousd < 0 else ("", picousd)
    if amount >= PICO or not amount:
        cents = (amount + PICO // 200) // (PICO // 100)
        return f"{sign}${cents // 100:,}.{cents % 100:02d}"
    digits = max(len(str(amount)) - 3, 0)
    rounded = (amount + 10**digits // 2) // 10**digits * 10**digits
    if rounded >= PICO:
        return f"{sign}$1.00"
    text = f"{rounded:012d}".rstrip("0")
    return f"{sign}$0.{text:0<2}"
