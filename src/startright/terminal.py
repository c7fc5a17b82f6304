"""Text for a terminal that cannot show all of it: spelled out in ASCII, never an error."""

import codecs
import io
import unicodedata

_SPELLED = {
    **{"±": "+/-", "−": "-", "–": "-", "×": "x", "·": "*", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~"},
    **{"⁻": "-", "λ": "lambda", "→": "->", "‖": "||", "√": "sqrt ", "∞": "inf"},
    **{"“": '"', "”": '"', "‘": "'", "’": "'", "„": '"'},
}


def _spelled(character: str) -> str:
    if character in _SPELLED or unicodedata.combining(character):
        return _SPELLED.get(character, "")
    name = unicodedata.name(character, "")
    if name.startswith("GREEK "):
        return name.rpartition(" ")[2].lower()
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_spelled, error.object[error.start : error.end])), error.end


codecs.register_error("startright.spell", _spell)


def writable(text: str, encoding: str) -> str:
    """``text`` with what ``encoding`` lacks spelled out.

    >>> print(writable("0.5 ± 0.1 at θ ≤ 2…", "ascii"))
    0.5 +/- 0.1 at theta <= 2...
    """
    return text.encode(encoding, "startright.spell").decode(encoding)


def spell_out(stream: object) -> None:
    """From now on ``stream`` spells out what its encoding lacks instead of raising an error."""
    if isinstance(stream, io.TextIOWrapper):  # not what a notebook or a test puts in its place
        stream.reconfigure(errors="startright.spell")
