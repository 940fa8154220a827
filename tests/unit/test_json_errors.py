"""Test that invalid JSON is reported alike with every version of Python."""

from __future__ import annotations

import json

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.json_errors import find_fault, json_reason

COMMA = "Illegal trailing comma before end of"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value: line 1 column 1"),
        ("[1 2]", "Expecting ',' delimiter: line 1 column 4"),
        ('{"a" 1}', "Expecting ':' delimiter: line 1 column 6"),
        ("{a: 1}", "Expecting property name enclosed in double quotes: line 1 column 2"),
        ("[1,\n 2,\n]", f"{COMMA} array: line 3 column 1"),
        ("[1 , ]", f"{COMMA} array: line 1 column 6"),
        ('{"a": [1,], "b": 2}', f"{COMMA} array: line 1 column 10"),
        ('{"a": 1,\r\n\t}', f"{COMMA} object: line 2 column 2"),
        ("[,]", f"{COMMA} array: line 1 column 3"),
        ('["]', "Unterminated string starting at: line 1 column 2"),
        ('["a\tb"]', "Invalid control character at: line 1 column 4"),
        ("[1] 2", "Extra data: line 1 column 5"),
        ("]", "Expecting value: line 1 column 1"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_reasons(text: str, reason: str) -> None:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        assert json_reason(error) == reason
    else:
        pytest.fail("it is read")


@pytest.mark.parametrize("position", [2, 6])
def test_a_trailing_comma_is_reported_at_the_bracket(position: int) -> None:
    """Python 3.13 reports the comma, earlier versions the bracket."""
    error = json.JSONDecodeError("in the words of a version", "[1, \n ]", position)
    assert find_fault(error) == (f"{COMMA} array", 2, 2)


def test_another_error_keeps_its_words() -> None:
    assert json_reason(ValueError("NaN is not JSON")) == "NaN is not JSON"
