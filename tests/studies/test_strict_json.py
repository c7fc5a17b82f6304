import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from startright.studies.strict_json import dumps, loads, number, setting


@given(st.floats())
def test_every_float_survives(value):
    text = dumps(value)
    json.loads(text, parse_constant=pytest.fail)
    back = number(loads(text))
    assert back == value or (math.isnan(back) and math.isnan(value))


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a":-Infinity}', "{", ""])
def test_lax_json_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        loads(text)


@pytest.mark.parametrize("value", [True, None, "1", "NaN", [], 10**400])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="number"):
        number(value)


def test_lists_come_back_as_tuples():
    assert setting(loads(dumps((1, ("a", math.inf))))) == (1, ("a", math.inf))
