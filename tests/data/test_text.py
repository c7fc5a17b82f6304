import pytest

from startright.data import load_text

PARTS = {"train": b" a b a <unk> \n b c a \n", "valid": b" c <unk> \n", "test": b" a \n c \n"}


@pytest.fixture
def tiny_ptb(place):
    return place("ptb", {f"ptb/ptb.{part}.txt": text for part, text in PARTS.items()})


def test_words_end_their_lines_with_eos(tiny_ptb):
    text = load_text("ptb", root=tiny_ptb)
    assert text.vocabulary == ("a", "<eos>", "b", "<unk>", "c")
    decoded = [[text.vocabulary[i] for i in part] for part in (text.train, text.validation, text.test)]
    assert decoded[0] == ["a", "b", "a", "<unk>", "<eos>", "b", "c", "a", "<eos>"]
    assert decoded[1:] == [["c", "<unk>", "<eos>"], ["a", "<eos>", "c", "<eos>"]]


def test_characters_spell_the_text(tiny_ptb):
    text = load_text("ptb", level="char", root=tiny_ptb)
    assert text.vocabulary[0] == " "
    assert "".join(text.vocabulary[i] for i in text.test).encode() == PARTS["test"]


def test_truncated_text(tiny_ptb):
    (tiny_ptb / "ptb/ptb.test.txt").write_bytes(b" a ")
    with pytest.raises(ValueError, match=r"has 3 bytes, 8 expected .* delete it, then its terms"):
        load_text("ptb", root=tiny_ptb)


def test_unknown_names(tmp_path):
    with pytest.raises(ValueError, match="unknown level 'words': did you mean 'word'"):
        load_text("ptb", level="words")
    with pytest.raises(ValueError, match="unknown text dataset 'mnist'"):
        load_text("mnist")
    with pytest.raises(FileNotFoundError, match="dataset 'ptb' is not in"):
        load_text("ptb", root=tmp_path)


@pytest.mark.data
def test_real_text_has_the_published_counts(real):
    text = load_text("ptb", root=real("ptb"))
    assert [len(part) for part in (text.train, text.validation, text.test)] == [929589, 73760, 82430]
    assert len(text.vocabulary) == 10000
