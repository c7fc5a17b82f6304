r"""Results left in typed prose: a sentence that reports one is printed from records, or it goes stale.

Typed prose holds theory, questions, settings and what the paper says. Looked at are the text of a page, its
captions and its alternative texts, without formulas, code and exercises. A sentence that speaks of the paper
may hold its numbers. A number that looks like a result and is a setting or theory is set as a formula with
its symbol (``$\tau_0 = 0.1$``), or its sentence is marked with ``<!-- setting -->`` or ``<!-- theory -->``,
which no reader sees.
"""

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from startright.book.contents import Problem
from startright.book.pair import code_cells

_WORD = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|fifty|hundred"
_NUMBER = rf"(?:\d[\d ,]*(?:\.\d+)?|{_WORD}|several)"
_PART = "half|third|quarter|fifth|sixth|tenth|twentieth|hundredth|thousandth|millionth"
_UNIT = "points?|times|percent|nats?|bits?|decades?|standard (?:errors|deviations)"
RESULT = re.compile(
    rf"""
    (?<![\w.])\d+\.\d+                                        # a decimal
    | \d\s?(?:%(?!\snoise|\slevel|\sline|\sinterval)|percent\b) | \d\s?±\s?\d  # a share, a spread
    | \b{_NUMBER}\s(?:{_UNIT})\b                              # seven points, 5 times
    | \b(?:twice|half\sof|an?\s(?:{_PART})\sof|(?:two|three|four|nine)\s(?:{_PART})s)\b
    | \b(?:an?|one)\s(?:third|fifth|tenth|hundredth|thousandth|millionth)\b(?!\s(?:derivative|order|panel))
    | \b(?:{_NUMBER}|one|none|most)\sof\s(?:the\s)?(?:{_NUMBER})\b  # 5 of 36
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PAPER = re.compile(
    r"\b(?:papers?|authors?|published|released|publication)\b|\{cite|<!-- (?:setting|theory) -->", re.I
)
_FENCED = re.compile(r"^ *(`{3,}|:{3,}) *([^\n]*)\n(.*?)^ *\1 *$", re.MULTILINE | re.DOTALL)
_ADMONITION = re.compile(r"\{(?:admonition|note|tip|warning|important|margin)\}(?! What the paper claims)")
_BARE = re.compile(r"(?<!\\)\$([-+]?[\d.,]+)\$")  # a number alone is no formula
_MATH = re.compile(r"\$\$.*?\$\$(?: *\([\w-]+\))?|(?<!\\)\$[^$]+\$", re.DOTALL)
_CODE = re.compile(r"(?<!\{cite\})(?<!\{cite:[tp]\})`[^`]*`")
_LINK = re.compile(r"\]\([^)]*\)|https?://\S+|^\([\w-]+\)=$", re.MULTILINE)
_PANELS = re.compile(
    r"Panels by [^:]+: (?:[\d.]+(?:e-?\d+)?(?:, |$))+$"
)  # the settings of a slider, as its script reads them
_SENTENCE = re.compile(r"(?<=[.!?])[\"”*)]*\s+(?=[\"“*(]*[A-Z$\[{])|\n\s*\n|\n\s*(?=[-*|] )")


def sentences(text: str) -> Iterator[str]:
    r"""The sentences of Markdown that could hold a result.

    >>> list(sentences("One. Two is $x^2$.\n\n```python\ny = 1.5\n```\nThree."))
    ['One.', 'Two is ….', 'Three.']
    """
    text = _FENCED.sub(lambda block: f"\n\n{block[3] if _ADMONITION.match(block[2]) else ''}\n\n", text)
    for pattern, instead in ((_BARE, r"\1"), (_MATH, "…"), (_CODE, "…"), (_LINK, "]")):
        text = pattern.sub(instead, text)
    for sentence in _SENTENCE.split(text):
        if sentence and sentence.strip() and not sentence.lstrip().startswith("#"):
            yield " ".join(sentence.split())


def typed_results(text: str) -> Iterator[tuple[str, str]]:
    """What looks like a result, and its sentence.

    >>> list(typed_results("It is seven points behind. The paper has 7 points."))
    [('seven points', 'It is seven points behind.')]
    """
    for sentence in sentences(text):
        if not _PAPER.search(sentence) and (match := RESULT.search(sentence)):
            yield match.group(), sentence


def _described(cell: NotebookNode) -> str:
    options = cell.metadata.get("mystnb", {})
    alternative = _PANELS.sub("", str(options.get("image", {}).get("alt", "")))
    return f"{options.get('figure', {}).get('caption', '')}\n\n{alternative}"


def check_prose(notebook: NotebookNode, name: str) -> list[Problem]:
    """The sentences of a page that report a result without being printed.

    Args:
        notebook: the page.
        name: its name in the messages.
    """
    remedy = "print it from records (startright.measured.finding)"
    texts = [(None, cell.source, cell.get("id")) for cell in notebook.cells if cell.cell_type == "markdown"]
    texts += [(number, _described(cell), cell.get("id")) for number, cell in code_cells(notebook)]
    return [
        Problem(name, f"types a result, {found!r}: “{sentence[:90]}…”; {remedy}", number, cell_id)
        for number, text, cell_id in texts
        for found, sentence in typed_results(text)
    ]
