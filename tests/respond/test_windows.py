"""Which windows an alert concerns."""

from __future__ import annotations

import pytest

from aiwatch.respond.trail import Window
from aiwatch.respond.windows import Change, WindowResult, concerned, merged
from tests.respond.rig import hour

ALERT = hour(10.5)


def results(states: str, **since: float) -> list[WindowResult]:
    """Return one result per letter, by the hour: o(k), d(rift), n(ot enough data); ``since`` by hour, as ``h7=5``."""
    names = {"o": "ok", "d": "drift", "n": "not_enough_data"}
    found = []
    for number, letter in enumerate(states):
        began = since.get(f"h{number}")
        findings = (Change(), Change(drifted=True, since=hour(began))) if began is not None else ()
        found.append(WindowResult(start=hour(number), end=hour(number + 1), state=names[letter], findings=findings))
    return found


def starts(windows: list[Window]) -> list[int]:
    return [round((window.start - hour(0)).total_seconds() / 3600) for window in windows]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ("oooooooodd", [8, 9]),
        ("ooooooooddoo", [8, 9]),  # read late, when what came after the alert is good again
        ("ddooooooddoo", [8, 9]),  # what drifted before a good window was another matter
        ("oooooooodndo", [8, 10]),  # too few predictions prove nothing, neither way
        ("ooooooooddod", [8, 9, 11]),  # what drifts after the alert is concerned too
        ("oooooooooooo", [10]),  # no result drifted: everything from the alert on
        ("", [10]),
    ],
)
def test_windows_that_drifted_without_a_good_one_in_between(states: str, expected: list[int]) -> None:
    assert starts(concerned(results(states), ALERT)) == expected


def test_windows_before_the_alarm_are_concerned_from_the_estimated_beginning_of_the_change_on() -> None:
    assert starts(concerned(results("oooooooood", h9=6), ALERT)) == [6, 7, 8, 9]


def test_what_ended_before_a_person_decided_is_not_brought_up_again() -> None:
    assert starts(concerned(results("ooooooddddd"), ALERT, after=hour(9))) == [9, 10]


def test_windows_of_two_versions_are_kept_apart_when_they_are_merged() -> None:
    def window(start: float, end: float | None, version: str | None) -> Window:
        return Window(hour(start), None if end is None else hour(end), version)

    assert merged([window(0, 1, "a"), window(1, 2, "b"), window(1, 2, "a"), window(5, None, None)]) == [
        window(0, 2, "a"),
        window(1, 2, "b"),
        window(5, None, None),
    ]
    assert merged([window(0, 9, "a"), window(1, 2, "a"), window(9, None, "a")]) == [window(0, None, "a")]
