"""A claim is stated beside its measurement, once, and the ledger has them by number."""

import pytest

from startright.claims import Measurement
from startright.statements import Claims, in_order

SHARED = {"page": "part/dice", "anchor": "fig-dice", "locator": "Table 1"}


def stated(claim, *ids, **parts):
    for number in ids:
        claim(number, "Dice are fair.", "3.5", **parts)(lambda records: Measurement("x", 1.0, None, 1, ()))
    return claim


def test_the_function_stays_and_the_claim_has_what_all_share():
    claim = Claims("dice", **SHARED)

    @claim("C1", "Dice are fair.", "3.5", anchor="tab-dice", partial=("paper",))
    def measure(records):
        return records

    assert measure([1]) == [1]
    (found,) = in_order(claim)
    assert (found.paper, found.id, found.measure) == ("dice", "C1", measure)
    assert (found.page, found.anchor, found.locator) == ("part/dice", "tab-dice", "Table 1")
    assert (found.studies, found.partial) == ((), ("paper",))


def test_the_order_is_that_of_the_numbers():
    one, other = stated(Claims("dice", **SHARED), "C10", "C2"), stated(Claims("dice", **SHARED), "C1", "C9")
    assert [claim.id for claim in in_order(one, other)] == ["C1", "C2", "C9", "C10"]


def test_a_claim_is_stated_once():
    one = stated(Claims("dice", **SHARED), "C1")
    with pytest.raises(ValueError, match="dice C1 is stated twice"):
        stated(one, "C1")
    with pytest.raises(ValueError, match="dice C1 is stated twice"):
        in_order(one, stated(Claims("dice", **SHARED), "C1"))


def test_a_part_that_no_claim_has_is_refused():
    with pytest.raises(TypeError, match="locater"):
        stated(Claims("dice", page="part/dice", anchor="fig-dice"), "C1", locater="Table 1")
    with pytest.raises(TypeError, match="anchor"):
        stated(Claims("dice", page="part/dice"), "C1")
