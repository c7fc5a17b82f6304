"""Active content, and what it hides behind: every case is refused, and what the pages use is not."""

import random
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from startright.book.active import ACTIVE, in_html, in_latex, in_markdown, in_svg

HTML = [
    "<script>alert(1)</script>",
    "<SCRIPT src=//x.example>",
    "<scr\tipt>alert(1)</script>",
    "<script\n>alert(1)",
    "<td><script>alert(1)",
    "<<script>alert(1)//<</script>",
    "<script/x>alert(1)</script>",
    "<td onclick=alert(1)>1</td>",
    "<td ONCLICK = 'alert(1)'>1</td>",
    "<td/onmouseover=alert(1)>1</td>",
    '<td title="a"onclick="alert(1)">1</td>',
    "<td onclick",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    '<IMG """><script>alert(1)</script>">',
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mi xlink:href='data:x'>1</mi></math>",
    "<iframe src=x></iframe>",
    "<iframe srcdoc='&lt;script&gt;'>",
    "<object data=x>",
    "<embed src=x>",
    "<form action=x><button>1</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<meta http-equiv=refresh content='0;url=x'>",
    "<link rel=stylesheet href=x>",
    "<base href=//x.example>",
    "<style>@import url(x);</style>",
    "<style>td {visibility: hidden}</style>",
    "<style scoped>.dataframe td {background: url(x)}</style>",
    "<style><!--</style><script>alert(1)</script>-->",
    "<style>.dataframe td {text-align: left;}",
    "<td style='position: fixed'>1</td>",
    "<td style='background: url(x)'>1</td>",
    "<td id=x>1</td>",
    "<td href=x>1</td>",
    "<a href='javascript:alert(1)'>1</a>",
    "<a href=' JaVaScRiPt:alert(1)'>1</a>",
    "<a href='java\nscript:alert(1)'>1</a>",
    "<a href='java&#10;script&colon;alert(1)'>1</a>",
    "<a href='&#106;avascript:alert(1)'>1</a>",
    "<a href='&amp;#106;avascript:alert(1)'>1</a>",
    "<a href='\x01javascript:alert(1)'>1</a>",
    "<a href='vbscript:x'>1</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>1</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>1</a>",
    "<a href='file:///x'>1</a>",
    "<a href='//x.example'>1</a>",
    "<!-- <td> -->",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1'?>",
    "<!doctype html>",
    "<td>1</td",
    "1 <b",
    "<td>\\(\\href{javascript:alert(1)}{1}\\)</td>",
]
MARKDOWN = [
    *HTML[:26],
    "[a](javascript:alert(1))",
    "[a]( <javascript:alert(1)> )",
    "[a](\njavascript:alert(1))",
    "[a](java\\script:alert(1))",
    "[a](javascript&#58;alert(1))",
    "[a](data:text/html,x 'title')",
    "[a](file:/x)",
    "[a]\n\n[a]: javascript:alert(1)",
    "- [a]: data:text/html,x",
    "<javascript:alert(1)>",
    "![a](https://x.example/pixel.png)",
    "![a][b]",
    "```{raw} html\n<script>alert(1)</script>\n```",
    "~~~{raw} html\n<script>alert(1)</script>\n~~~",
    ":::{raw} html\n<b>\n:::",
    "  ````{eval-rst}\n.. raw:: html\n````",
    "> ```{include} secret\n> ```",
    "- :::{figure} x\n  :::",
    "{raw}`<b>`",
    "{download}`x`",
    "a {raw-html}`\n<b>`",
    "{{ x.__init__.__globals__ }}",
    "{% include 'x' %}",
    "$\\href{javascript:alert(1)}{1}$",
    "$\\style{position:fixed}{1}$",
    "`<script>alert(1)</script>`",
    "```python\nx = 1\n```\n<script>alert(1)</script>\n```python\n```",
    "```python\nx = 1\n  ```\n<script>alert(1)</script>\n```",
    "```python\nx = 1\n```\n\n*`f` of `a.py`*\n<script>alert(1)</script>",
    "~~~\n```python\n~~~\n<script>alert(1)</script>\n```",
    "```\n<script>alert(1)</script>\n```",
]
SVG = [
    "<svg><script>alert(1)</script></svg>",
    "<svg onload='alert(1)'></svg>",
    "<svg><path d='M0 0' onclick='alert(1)'/></svg>",
    "<svg><image href='https://x.example/x.png'/></svg>",
    "<svg><use href='https://x.example/x.svg#a'/></svg>",
    "<svg><use xlink:href='data:image/svg+xml,x#a'/></svg>",
    "<svg><foreignObject><iframe src='x'/></foreignObject></svg>",
    "<svg><a href='javascript:alert(1)'><text>1</text></a></svg>",
    "<svg><style>@import url(x);</style></svg>",
    "<svg><path style='fill: url(https://x.example/x)'/></svg>",
    "<svg><path fill='u\\72l(https://x.example/x)'/></svg>",
    "<svg><animate attributeName='href' values='javascript:alert(1)'/></svg>",
    "<svg><set attributeName='onclick' to='alert(1)'/></svg>",
    "<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///x'>]><svg>&x;</svg>",
    "<svg><path d='M0 0'",
]
FIT = {
    "text/html": [
        "<table border='1' class='dataframe'><tr style='text-align: right;'><td>p &lt; 1</td></tr></table>",
        "<td><a href='structure/alrao.html#fig-alrao'>a</a> <a href='https://x.example/a:b'>b</a></td>",
        "<th rowspan='3' valign='top'>p < 0.05</th>",
    ],
    "text/markdown": [
        "At $x < 10^{-2}$, **below** it, −0.08 ± 0.04 nats (n = 5); see {numref}`fig-a` and [a](b.html).",
        "| a | b |\n| --- | --- |\n| 1 \\| 2 | &lt;b&gt; |\n\nFull records: CPU.",
        "```python\nif a<b: run('<script>', '{{')  # <iframe>\n```",
        "```python\nx = 1\n```\n\n*`Alrao.fit` of `startright/papers/alrao/model.py`*",
    ],
    "text/latex": ["$\\displaystyle x^2$"],
    "image/svg+xml": [
        "<svg xmlns='x' viewBox='0 0 1 1'><defs><path id='a' d='M0 0'/></defs><use xlink:href='#a'/>"
        "<g clip-path='url(#c)' style='fill: none'><text x='1'>a</text></g></svg>"
    ],
}


@pytest.mark.parametrize("text", HTML)
def test_active_html_is_refused(text):
    assert in_html(text)
    assert in_html(f"<div>\n<table><tr><td>1</td></tr></table>\n{text}\n</div>")


@pytest.mark.parametrize("text", MARKDOWN)
def test_active_markdown_is_refused(text):
    assert in_markdown(text)
    assert in_markdown(f"Alrao is **below** it.\n\n{text}")


@pytest.mark.parametrize("text", SVG)
def test_active_drawings_are_refused(text):
    assert in_svg(text)


@pytest.mark.parametrize("text", ["$\\href{javascript:x}{y}$", "$\\class{x}{y}$", "\\require{html}"])
def test_active_formulas_are_refused(text):
    assert in_latex(text)


@pytest.mark.parametrize(("mime", "text"), [(mime, text) for mime, texts in FIT.items() for text in texts])
def test_what_the_pages_use_is_not(mime, text):
    assert ACTIVE[mime](text) == []


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_tables_of_pandas_are_fit(levels):
    index = pd.MultiIndex.from_product(
        [["<b>", "b & c"]] * levels, names=[f"{{{{x}}}} {k}" for k in range(levels)]
    )
    frame = pd.DataFrame({column: range(len(index)) for column in ["a<b", "x"]}, index=index)
    for table in (frame, frame.T, frame.reset_index()):
        assert in_html(table._repr_html_()) == []
        assert in_html(table.to_html(index=False)) == []


@given(st.sampled_from(HTML), st.randoms(use_true_random=False))
def test_case_and_white_space_hide_nothing(text, draw):
    assert in_html(spelled(text, draw))


def spelled(text: str, draw: random.Random) -> str:
    """The same for a browser: letters of either case, other white space; entities as they are."""

    def odd(char: str) -> str:
        if char == " ":
            return draw.choice([" ", "\n", "\t", "  ", "\f"])
        return draw.choice((char.lower(), char.upper())) if len(char) == 1 else char

    return "".join(map(odd, re.findall(r"&#?\w+;|.", text, re.DOTALL)))


@given(
    st.lists(
        st.sampled_from(["<", ">", "script", "td", "/", "!", "--", "'", '"', "=", "on", " ", "\n", "\0", "a"])
    )
)
def test_a_tag_that_is_not_whole_is_never_let_through(parts):
    text = "".join(parts)
    if in_html(text) == []:
        opened = [piece for piece in text.split("<")[1:] if piece and not piece[0].isspace()]  # "< b" is text
        tags = [piece.split(">")[0].split()[:1] for piece in opened]
        assert all(tag in ([], ["td"], ["/td"], ["a"], ["/a"]) or tag[0][0] in "=/" for tag in tags), text
