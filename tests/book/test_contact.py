"""The contact sheet shows every figure of the committed notebooks in three ways."""

from pathlib import Path

from bs4 import BeautifulSoup

from startright.book import contact

ROOT = Path(__file__).parents[2]


def test_every_figure_is_there_three_times(tmp_path):
    found = list(contact.figures(ROOT))
    assert contact.contact_sheet(ROOT, tmp_path) == len(found) > 40
    assert len(list(tmp_path.glob("*.png"))) == len(found)  # no name stands for two figures
    soup = BeautifulSoup((tmp_path / "index.html").read_text("utf-8"), "html.parser")
    sections = soup.find_all("section")
    assert len(sections) == len(found)
    for section, (page, name, caption, picture) in zip(sections, found, strict=True):
        assert section.h2.text == f"{page}: {name}"
        assert caption in section.p.text
        assert [div["class"] for div in section.find_all("div")] == [["light"], ["dark"], ["phone"]]
        (file,) = {image["src"] for image in section.find_all("img")}
        assert (tmp_path / file).read_bytes() == picture
