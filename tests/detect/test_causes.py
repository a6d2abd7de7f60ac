from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import get_args

import numpy as np
import pytest

from aiwatch.detect import causes, signs
from aiwatch.detect.causes import HYPOTHESES
from aiwatch.detect.explain import look
from aiwatch.detect.signs import LOOKS
from aiwatch.detect.signs.contract import SignName
from aiwatch.detect.signs.permuted import log_odds
from aiwatch.profiles.result import Cause
from tests.profiles.samples import HOUR, baseline

HELPERS = {"contract", "strength", "smooth", "extent", "moments", "few"}


def modules(package: object) -> set[str]:
    return {module.name for module in pkgutil.iter_modules(package.__path__)}  # type: ignore[attr-defined]


def test_every_cause_has_a_file_of_its_name_and_is_registered() -> None:
    assert modules(causes) - HELPERS == set(get_args(Cause)) == {each.cause for each in HYPOTHESES}
    for module in modules(causes) - HELPERS - {"upstream"}:
        registered = [each for each in HYPOTHESES if each.cause == module]
        assert registered == list(import_module(f"aiwatch.detect.causes.{module}").HYPOTHESES)


def test_every_file_of_signs_is_registered() -> None:
    assert modules(signs) - HELPERS == {look.__module__.rpartition(".")[2] for look in LOOKS}


def test_every_sign_is_looked_for_and_expected_by_some_cause() -> None:
    expected = {name for each in HYPOTHESES for name in each.expects}
    assert expected == set(get_args(SignName))


@pytest.mark.parametrize("rows", [[28, 29], [77, 78, 79], [105, 106, 107, 108]])
def test_shares_that_are_the_very_same_are_no_warning(rows: list[int], recwarn: pytest.WarningsRecorder) -> None:
    assert log_odds(np.array([rows, rows], float)) <= 0
    assert not recwarn.list


def test_no_cause_is_sure_of_a_sign_or_excludes_one() -> None:
    for each in HYPOTHESES:
        assert each.prior > 0
        assert all(0 < share < 1 for share in each.expects.values())


def test_a_window_without_a_row_shows_no_sign() -> None:
    from aiwatch.detect.situation import situation_of
    from aiwatch.profiles.fold import Fold

    empty = Fold(baseline()).empty("3", HOUR)
    shown = look(situation_of(baseline(), [empty], ()))
    assert not [sign for each in shown.values() for sign in each if sign.strength > 0.5]
