"""Text for a terminal that cannot show all of it: spelled out in ASCII, never an error."""

import codecs
import io
import unicodedata

_SPELLED = {
    **{"±": "+/-", "−": "-", "–": "-", "×": "x", "·": "*", "⋆": "*", "⊙": "(.)", "⁄": "/", "√": "sqrt "},
    **{"≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "∼": "~", "≪": "<<", "≫": ">>", "∝": "proportional to"},
    **{"→": "->", "←": "<-", "↦": "|->", "∈": "in", "∞": "inf", "∂": "d", "∇": "grad ", "∫": "int "},
    **{"‖": "||", "⟨": "<", "⟩": ">", "′": "'", "°": " deg", "§": "sec. ", "⋮": "...", "λ": "lambda"},
    **{"“": '"', "”": '"', "‘": "'", "’": "'", "„": '"', "«": '"', "»": '"'},
}


def _spelled(character: str) -> str:
    if character in _SPELLED or unicodedata.combining(character):
        return _SPELLED.get(character, "")
    name = unicodedata.name(character, "")
    if name.startswith("GREEK "):
        return name.rpartition(" ")[2].lower()
    if unicodedata.category(character) == "Sm" and unicodedata.decomposition(character)[:1] != "<":
        return name.lower()  # not what it is composed of: a sign struck through says the contrary
    parts = unicodedata.normalize("NFKD", character)
    if parts == character:
        return "?"
    return "".join(part if part.isascii() else _spelled(part) for part in parts)


def _power(text: str, at: int) -> str:
    """The sign before the first of raised characters."""
    raised = [unicodedata.decomposition(c).startswith("<super>") for c in text[max(at - 1, 0) : at + 1]]
    return "^" if raised[-1] and raised != [True, True] else ""


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object
    return "".join(_power(text, at) + _spelled(text[at]) for at in range(error.start, error.end)), error.end


codecs.register_error("startright.spell", _spell)


def writable(text: str, encoding: str) -> str:
    """``text`` with what ``encoding`` lacks spelled out.

    >>> print(writable("0.5 ± 0.1·10⁻⁴ at θ ≤ ½…", "ascii"))
    0.5 +/- 0.1*10^-4 at theta <= 1/2...
    """
    return text.encode(encoding, "startright.spell").decode(encoding)


def spell_out(stream: object) -> None:
    """From now on ``stream`` spells out what its encoding lacks instead of raising an error."""
    if isinstance(stream, io.TextIOWrapper):  # not what a notebook or a test puts in its place
        stream.reconfigure(errors="startright.spell")
