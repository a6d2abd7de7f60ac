"""What the card fraud score sees and says, as frozen records; times are epoch seconds, to the millisecond."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

FeatureType = Literal["number", "string", "bool"]
Value: TypeAlias = float | str | bool | None
Features: TypeAlias = dict[str, Value]
Decision = Literal["approve", "review", "block"]
Pattern = Literal["stolen-card", "skimmed-terminal", "account-takeover"]

FEATURES: Mapping[str, FeatureType] = {
    "amount": "number",
    "hour": "number",
    "weekend": "bool",
    "distance_km": "number",
    "speed_kmh": "number",
    "seconds_since_last": "number",
    "count_1h": "number",
    "count_24h": "number",
    "amount_24h": "number",
    "amount_ratio": "number",
    "terminal_risk": "number",
    "card_age_days": "number",
    "new_device": "bool",
    "channel": "string",
    "merchant_category": "string",
    "country": "string",
}
"""Names and types of the model's features, in the model's order; the catalogue entry of the model lists the
same ones.

`amount` is in euros, `hour` is the hour of the day in UTC with its fraction, `distance_km` is between the
cardholder's home and the buyer (online: by address), `speed_kmh` is the speed at which the card would have
travelled since its last payment, `amount_ratio` is the amount over the card's average so far,
`terminal_risk` is the smoothed share of confirmed fraud at the terminal in the last two weeks.
"""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One payment: what the model is given, and the truth about it (`fraud`: None if genuine)."""

    time: float
    features: Features
    fraud: Pattern | None


@dataclass(frozen=True, slots=True)
class Prediction:
    """One scored payment.

    `latency` is in seconds; `error` says why there is no score and no decision. `fraud` is the truth, which
    is known to the simulation only and is not logged.
    """

    time: float
    id: str
    features: Features
    score: float | None
    decision: Decision | None
    latency: float
    trace_id: str
    error: str | None
    fraud: Pattern | None
