import pytest

from startright.papers.priors import gallery


@pytest.mark.parametrize("name", gallery.CASES)
def test_every_case_is_judged_as_the_theorem_judges_it(name):
    case = gallery.case(name)
    expected = (case.expected,) if case.expected else ()
    assert case.recover().verdict.reasons == expected
    assert (case.prior is None) == bool(case.expected)


def test_an_unknown_case_is_refused():
    with pytest.raises(ValueError, match="did you mean 'tempered'"):
        gallery.case("temperd")
