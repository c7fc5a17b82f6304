"""The code that the API page prints runs as it is printed, and does what the page says."""


def test_the_page_computes_a_trace_and_trains_under_a_deficit(page):
    [names] = page["The Fisher information of a network of your own"]
    assert list(names["trace"]) == ["0", "1", "4"]
    assert all(value > 0 for value in names["trace"].values())
    [names] = page["A deficit for the first epochs"]
    assert names["history"].status == "ok"
    assert [names["schedule"].active(epoch) for epoch in (0, 1)] == ["blur", None]
