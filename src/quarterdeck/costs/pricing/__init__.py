"""What a request costs: a model's name becomes a card of integers, a card and a usage become a price.

    model, provider, service tier, time
        ▼
    PriceBook      the user's own prices (overrides), then what was resolved before (resolved_file),
        │          then the published price list (published, which knows genai_prices)
        ▼
    Schedule       the model's cards by date and time of day
        ▼
    RateCard       one integer per field of Usage and bracket of input size (made by token_classes)
        ▼
    cost_picousd   sum of products, in pico-dollars

A model that nobody publishes a price for has no card: it is unpriced, never guessed. Importing this
package imports no price data.
"""

from quarterdeck.costs.pricing.price_book import RESOLVED_FILE, PriceBook
from quarterdeck.costs.pricing.rate_card import (
    THRESHOLDS,
    Bracket,
    RateCard,
    SimpleRates,
    bracket_of,
    cost_of_sums,
    cost_picousd,
    simple_rates,
    thresholds_covered,
    tier_of,
)

__all__ = [
    "RESOLVED_FILE",
    "THRESHOLDS",
    "Bracket",
    "PriceBook",
    "RateCard",
    "SimpleRates",
    "bracket_of",
    "cost_of_sums",
    "cost_picousd",
    "simple_rates",
    "thresholds_covered",
    "tier_of",
]
