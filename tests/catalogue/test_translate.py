"""Every kind of error that the models can raise is put in plain words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError

from aiwatch.catalogue.model import Framework, ProcessFile
from aiwatch.catalogue.translate import note
from aiwatch.catalogue.yaml_places import parse
from aiwatch.kinds import KINDS

PYDANTIC_WORDS = ("Input should", "String should", "Value error", "Extra inputs", "Field required", "valid ")
MODELS: list[type[BaseModel]] = [Framework, ProcessFile, *(kind.options for kind in KINDS)]
WRONG: list[Any] = [None, True, 7, -1.5, "", "text", "x" * 100, [], [[]], {}, {"a": {}}, [{"a": 1}]]


def _places(annotation: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every key that a model can have."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            here = (*path, info.alias or name)
            yield here
            yield from _places(info.annotation, here)
    elif get_origin(annotation) is dict:
        yield from _places(get_args(annotation)[1], (*path, "any"))
    else:
        for each in get_args(annotation):
            below = path if get_origin(annotation) is not tuple else (*path, 0)
            yield from _places(each, below)


def _nest(path: tuple[str | int, ...], value: Any) -> Any:
    for part in reversed(path):
        value = [value] if part == 0 else {part: value}
    return value


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_message_is_left_in_the_words_of_the_library(model: type[BaseModel]) -> None:
    told = 0
    for path in _places(model):
        for value in WRONG:
            document = parse(b"", "x.yml")
            try:
                model.model_validate_json(json.dumps(_nest(path, value)), strict=True)
            except ValidationError as error:
                note(document, error, [model], {})
            for problem in document.problems:
                told += 1
                assert not any(word in problem.message for word in PYDANTIC_WORDS), problem
    assert told > 100
