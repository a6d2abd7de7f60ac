"""Why a line can be rejected: a short fixed list, the values of the label ``reason``."""

from __future__ import annotations

LINE_TOO_LONG = "line_too_long"
INVALID_UTF8 = "invalid_utf8"
NOT_JSON = "not_json"
NOT_AN_OBJECT = "not_an_object"
UNKNOWN_RECORD = "unknown_record"
MISSING_FIELD = "missing_field"
WRONG_TYPE = "wrong_type"
OUT_OF_RANGE = "out_of_range"
UNKNOWN_VALUE = "unknown_value"
BAD_TIME = "bad_time"
TIME_OUT_OF_RANGE = "time_out_of_range"
DOCUMENT_REFUSED = "document_refused"

REASONS = {
    LINE_TOO_LONG: "The line is longer than 10 MiB.",
    INVALID_UTF8: "The line is not UTF-8.",
    NOT_JSON: "The line is not JSON.",
    NOT_AN_OBJECT: "The line is JSON, but not an object.",
    UNKNOWN_RECORD: "The key named by `when` has a value that no log entry of the process knows.",
    MISSING_FIELD: "A required field is absent.",
    WRONG_TYPE: "A field has another type than expected.",
    OUT_OF_RANGE: "A number lies outside of its range.",
    UNKNOWN_VALUE: "A field has a value outside of its list.",
    BAD_TIME: "The time cannot be read, or names no time zone.",
    TIME_OUT_OF_RANGE: "The time lies before the year 2000 or more than a day ahead.",
    DOCUMENT_REFUSED: "Elasticsearch refused the document.",
}


def classify(message: str) -> str:
    """Return the reason behind a message of msgspec.

    >>> classify("Expected `float` <= 1.0 - at `$.confidence`"), classify("Object missing required field `rating`")
    ('out_of_range', 'missing_field')
    """
    where = message.rpartition(" - at `")[2] if " - at `" in message else ""
    if message.startswith("Object missing required field"):
        return MISSING_FIELD
    if "RFC3339" in message or "`datetime`" in message:
        return BAD_TIME
    if message.startswith("Invalid enum value"):
        return UNKNOWN_VALUE
    if message.startswith("Invalid value"):
        return UNKNOWN_RECORD
    if " >= " in message or " <= " in message or "out of range" in message:
        return OUT_OF_RANGE
    if message.startswith("Expected `object`") and not where:
        return NOT_AN_OBJECT
    if message.startswith("Expected"):
        return WRONG_TYPE
    return NOT_JSON
