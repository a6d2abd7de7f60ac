"""What pydantic found wrong, in plain words and at its place in the file."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from aiwatch.catalogue.yaml_places import Document, Path
from aiwatch.hints import did_you_mean, slug
from aiwatch.kinds.options import NAME_PATTERN

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "model_type": "a mapping (keys with values)",
    "model_attributes_type": "a mapping (keys with values)",
    "dict_type": "a mapping (keys with values)",
    "tuple_type": "a list",
    "list_type": "a list",
}
_BOUNDS = {
    "greater_than": ("gt", "must be greater than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}


def note(
    document: Document, error: ValidationError, models: Sequence[type[BaseModel]], others: Mapping[str, Any]
) -> None:
    """Add what ``error`` holds to the problems of ``document``.

    ``models`` describe the file together: an unknown key is compared with the keys of all of them. ``others``
    maps the name of every other kind to its options, to tell a key that belongs there.
    """
    for detail in error.errors(include_url=False):
        path = tuple(part for part in detail["loc"] if part != "[key]")
        if path in document.misread:
            continue
        if detail["type"] == "extra_forbidden":
            document.complain(path, "unknown key", _unknown_key(path, models, others), key=True)
        elif detail["type"] == "missing":
            document.complain(path, "is missing", f"add `{path[-1]}: ...`")
        else:
            message, hint = _say(detail, document.text(path), _annotation(models, path))
            document.complain(path, message, hint)


def _say(detail: ErrorDetails, text: str | None, annotation: Any) -> tuple[str, str]:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind in _EXPECTED:
        return _wrong_type(_EXPECTED[kind], value, text)
    if kind in _BOUNDS:
        bound, verb = _BOUNDS[kind]
        return f"{text or value} {verb} {context[bound]:g}", _ratio_hint(kind, value, context)
    if kind == "literal_error":
        allowed = get_args(annotation) if get_origin(annotation) is Literal else ()
        names = ", ".join(str(word) for word in allowed) or str(context.get("expected"))
        hint = did_you_mean(text or str(value), map(str, allowed))
        message = f"{_what(value, text)} stands here, but one of {names} is expected"
        return message, "" if hint.startswith("allowed") else hint
    if kind == "string_pattern_mismatch":
        if context["pattern"] == NAME_PATTERN:
            guess = slug(str(value))
            rule = "must be lower-case letters, digits and hyphens, beginning with a letter"
            return f"{value!r} {rule}", f"write {guess!r}" if guess else ""
        return f"{value!r} does not have the form {context['pattern']}", ""
    if kind in ("string_too_short", "too_short"):
        return "must not be empty", ""
    if kind in ("string_too_long", "too_long"):
        most = context["max_length"]
        unit = "characters" if kind == "string_too_long" else "entry" if most == 1 else "entries"
        return f"must have at most {most} {unit}", ""
    if kind == "value_error":
        return str(context["error"]), ""
    return detail["msg"], ""


def _wrong_type(expected: str, value: Any, text: str | None) -> tuple[str, str]:
    message = f"{expected} is expected, but {_what(value, text)} stands here"
    if value is None:
        return message, "write a value, or remove the key"
    if expected == "text" and text is not None:
        return message, f"quote it: {text!r}"
    if isinstance(value, str) and expected.endswith("number") and text is not None:
        return message, "write the number without quotes or unit"
    if expected == "a list" and text is not None:
        return message, f"write [{text}]"
    return message, ""


def _what(value: Any, text: str | None) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        plain = str(value).lower()
        return plain if text in (None, plain) else f"{text} (which YAML reads as {plain})"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return repr(value)
    return f"the number {text or value}"


def _ratio_hint(kind: str, value: Any, context: Mapping[str, Any]) -> str:
    bound = context.get("lt", context.get("le"))
    if kind.startswith("less_than") and bound == 1 and 1 < value <= 100:
        return f"it is a ratio: write {value / 100:g}"
    return ""


def _unknown_key(path: Path, models: Sequence[type[BaseModel]], others: Mapping[str, Any]) -> str:
    key = str(path[-1])
    for kind, options in others.items():
        if key in _keys(_annotation([options], path[:-1])):
            return f"it belongs to kind {kind!r}"
    allowed = {word for model in models for word in _keys(_annotation([model], path[:-1]))}
    return did_you_mean(key, allowed)


def _keys(annotation: Any) -> set[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {info.alias or name for name, info in annotation.model_fields.items()}
    return set()


def _annotation(models: Sequence[type[BaseModel]], path: Path) -> Any:
    """Return the type that is expected at ``path`` in the first model that knows the path."""
    for model in models:
        found: Any = model
        for part in path:
            found = _step(found, part)
        if found is not None:
            return found
    return None


def _step(annotation: Any, part: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            if part in (info.alias, name):
                return _bare(info.annotation)
        return None
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return _bare(arguments[1])
    if origin in (tuple, list):
        return _bare(arguments[0])
    return None


def _bare(annotation: Any) -> Any:
    """Return a type without what `Annotated` adds and without `None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [each for each in get_args(annotation) if each is not type(None)]
        return _bare(rest[0]) if len(rest) == 1 else annotation
    return annotation
