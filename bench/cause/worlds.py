"""Where predictions come from: rows with features and a true probability, and a model that was really trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier

from aiwatch.demo.fraud.events import events
from aiwatch.demo.fraud.model import train_fraud_model

Floats = npt.NDArray[np.float64]
ROWS = 60_000


class Model:
    """Trees over features of both types; unknown categories and gaps are allowed."""

    def __init__(self, features: pl.DataFrame, truth: Floats, seed: int = 0, **options: int) -> None:
        self._codes = {
            name: {value: float(place) for place, value in enumerate(features[name].drop_nulls().unique().sort())}
            for name, dtype in features.schema.items()
            if dtype == pl.String
        }
        places = [place for place, name in enumerate(features.columns) if name in self._codes]
        given = {"max_iter": 60, "max_leaf_nodes": 15, "min_samples_leaf": 60} | options
        self._trees = HistGradientBoostingClassifier(
            categorical_features=places, early_stopping=False, random_state=seed, **given
        ).fit(self._matrix(features), truth)

    def score(self, features: pl.DataFrame) -> Floats:
        return np.asarray(self._trees.predict_proba(self._matrix(features))[:, 1].round(5))

    def _matrix(self, features: pl.DataFrame) -> Floats:
        columns = [
            features[name].replace_strict(self._codes[name], default=None, return_dtype=pl.Float64)
            if name in self._codes
            else features[name].cast(pl.Float64)
            for name in features.columns
        ]
        return pl.DataFrame(columns).to_numpy().astype(np.float64)


@dataclass(frozen=True)
class World:
    """A population of rows: ``features`` as the model sees them, the ``truth`` (0 or 1), and the trained ``model``."""

    name: str
    features: pl.DataFrame
    truth: Floats
    model: Model

    @property
    def related(self) -> bool:
        """Whether features go together: otherwise a shuffled column is none the worse."""
        return self.name != "sensors"

    @property
    def numbers(self) -> list[str]:
        return [name for name, dtype in self.features.schema.items() if dtype == pl.Float64]

    @property
    def categories(self) -> list[str]:
        return [name for name, dtype in self.features.schema.items() if dtype == pl.String]

    def score(self, features: pl.DataFrame, model: Model | None = None) -> Floats:
        return (model or self.model).score(features)


def _world(name: str, features: pl.DataFrame, chance: Floats, seed: int) -> World:
    truth = (np.random.default_rng(seed).random(len(features)) < chance).astype(float)
    half = len(features) // 4
    return World(name, features, truth, Model(features[:half], truth[:half]))


def _expit(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def shop() -> World:
    """Orders whose numbers and categories hang together through a few hidden traits."""
    rng = np.random.default_rng(11)
    wealth, age, urban = rng.normal(size=(3, ROWS))
    mix = lambda *parts: sum(weight * part for weight, part in parts) + 0.6 * rng.normal(size=ROWS)  # noqa: E731
    income = np.exp(7.5 + 0.5 * mix((0.8, wealth), (0.3, age)))
    basket = np.exp(3.2 + 0.8 * mix((0.6, wealth), (0.2, urban)))
    items = rng.poisson(np.exp(0.8 + 0.3 * mix((0.5, urban)))).astype(float)
    years = np.clip(42 + 14 * mix((0.8, age)), 18, 95).round()
    tenure = np.maximum(0, rng.exponential(400, ROWS) * np.exp(0.5 * age)).round()
    discount = np.clip(rng.beta(2, 6, ROWS) + 0.05 * urban, 0, 1).round(2)
    distance = rng.gamma(2, 20, ROWS) * np.exp(-0.4 * urban)
    latent = mix((0.9, wealth))
    tier = np.array(["basic", "plus", "gold", "black"])[np.searchsorted([-0.3, 0.8, 1.8], latent)]
    area = np.where(urban + 0.4 * rng.normal(size=ROWS) > 0.3, "city", "land")
    device = rng.choice(["phone", "desktop", "tablet"], ROWS, p=[0.6, 0.3, 0.1])
    chance = _expit(-2 + 0.8 * np.log(basket / 25) - 0.6 * wealth + 0.4 * (device == "phone") - 0.02 * (years - 40))
    columns = {
        "income": income, "basket": basket, "items": items, "years": years, "tenure_days": tenure,
        "discount": discount, "distance": distance, "tier": tier, "area": area, "device": device,
    }  # fmt: skip
    return _world("shop", pl.DataFrame(columns), np.asarray(chance), 1)


def sensors() -> World:
    """Measurements that have nothing to do with each other, and one category."""
    rng = np.random.default_rng(12)
    columns = {
        "temperature": rng.normal(60, 8, ROWS),
        "pressure": rng.gamma(9, 0.4, ROWS),
        "vibration": np.exp(rng.normal(0, 0.6, ROWS)),
        "current": rng.normal(0, 1, ROWS),
        "load": rng.beta(4, 3, ROWS),
        "speed": rng.uniform(200, 900, ROWS),
        "line": rng.choice(["A", "B", "C", "D", "E"], ROWS, p=[0.3, 0.3, 0.2, 0.1, 0.1]),
    }
    x = (columns["temperature"] - 60) / 8
    chance = _expit(-2.2 + x + 0.7 * columns["current"] + 0.8 * columns["vibration"] * (columns["line"] == "A"))
    return _world("sensors", pl.DataFrame(columns), np.asarray(chance), 2)


def loans(folder: Path) -> World | None:
    """NannyML's synthetic car loans; None where its wheel has not been laid open."""
    path = folder / "synthetic_car_loan_reference.csv"
    if not path.exists():
        return None
    frame = pl.read_csv(path)
    truth = frame["repaid"].to_numpy().astype(float)
    keep = ["car_value", "salary_range", "debt_to_income_ratio", "loan_length", "repaid_loan_on_prev_car"]
    keep += ["size_of_downpayment", "driver_tenure"]
    features = frame.select(keep).with_columns(pl.col(pl.Int64).cast(pl.Float64), pl.col(pl.Boolean).cast(pl.String))
    return World("loans", features, truth, Model(features[:15_000], truth[:15_000]))


def fraud() -> World:
    """The payments of the demo."""
    model = train_fraud_model()
    stream = events(datetime(2026, 3, 2, tzinfo=UTC), None, 5, model, per_day=20_000)
    rows = [(payment.features, payment.fraud is not None) for payment in islice(stream, 45_000)]
    columns = {name: [features[name] for features, _ in rows] for name in rows[0][0]}
    frame = pl.DataFrame(columns, infer_schema_length=None)
    frame = frame.with_columns(pl.col(pl.Boolean).cast(pl.String), pl.col(pl.Int64).cast(pl.Float64))
    truth = np.array([truth for _, truth in rows], float)
    return World(
        "fraud", frame.drop("hour", "weekend"), truth, Model(frame.drop("hour", "weekend")[:15_000], truth[:15_000])
    )


@cache
def worlds(folder: Path) -> tuple[World, ...]:
    """Return all that can be made; ``folder`` may hold NannyML's data."""
    made: list[Callable[[], World | None]] = [shop, sensors, lambda: loans(folder), fraud]
    return tuple(world for make in made if (world := make()) is not None)
