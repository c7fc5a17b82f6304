"""What the chapter says first, in words: the page explains its symbols below."""

from collections.abc import Sequence

from startright.measured import Contrast, Finding, finding, listed, needs_records
from startright.papers.posterior import readings
from startright.studies import Record


@needs_records
def shifts(records: Sequence[Record]) -> Finding:
    """C15: which way shifted images move the best temperature, without its symbol."""
    gaps = {name: Contrast.of(gap) for name, gap in readings.shifts(records, "shift").items()}
    said: dict[str, list[str]] = {}
    for name, gap in gaps.items():
        factor = f" ({10**gap.mean:.2g} times as high)" if gap.n else ""
        word = gap.word("colder", "warmer", "where it was", margin=0.15)
        said.setdefault(word, []).append(name.removeprefix("N = ") + factor)
    told = [f"**{word}** that without shifts" if word.startswith("not") else f"**{word}**" for word in said]
    each = [f"{word} for {listed(names)}" for word, names in zip(told, said.values(), strict=True)]
    n = max((gap.n for gap in gaps.values()), default=0)
    text = f"""With shifted images the best temperature is, by the number of training images,
        {"; ".join(each)} (n = {n})."""
    return finding(text, records, **{f"shift_{k}": gap for k, gap in enumerate(gaps.values())})
