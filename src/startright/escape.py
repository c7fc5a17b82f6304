"""Text of others, such as a record's, on its way into Markdown: it says what it says and does nothing."""

import re

_ACTIVE = re.compile(r"[\\`*_{}\[\]|$~#]|:(?=:)|(?<=:):|!(?=\[)|^%")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def markdown(text: object) -> str:
    r"""The text on one line, to be shown as it stands by Markdown, by MyST and by the HTML made of them.

    Neither tags nor entities, links, emphasis, code, formulas, roles, directives, substitutions, comments or
    the bars of a table are left in it; what is not printable, such as a line end or a mark that turns the
    direction of writing, becomes a space. It holds anywhere in a line of text, not in code.

    Args:
        text: anything; what is no text is converted.

    >>> print(markdown("a|b <b>c</b>\n[d](javascript:e)"))
    a\|b &lt;b&gt;c&lt;/b&gt; \[d\](javascript:e)
    """
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    return _ACTIVE.sub(r"\\\g<0>", line).translate(_ENTITIES)
