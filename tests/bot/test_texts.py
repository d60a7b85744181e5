import re

from hypothesis import given
from hypothesis import strategies as st

from bot import texts


def visible(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html)


@given(
    st.lists(st.sampled_from(["<b>", "word ", "👩‍👩‍👧", "&amp;", "</b>", "x" * 30]), max_size=60)
)
def test_nothing_is_lost_and_nothing_is_cut_within_a_tag_or_an_emoji(pieces: list[str]) -> None:
    html, depth = "", 0
    for piece in pieces:
        depth += (piece == "<b>") - (piece == "</b>")
        if depth in (0, 1):
            html += piece
        else:
            depth -= (piece == "<b>") - (piece == "</b>")
    html += "</b>" * depth
    parts = texts.split(html, 40)
    for part in parts:
        assert part.count("<b>") == part.count("</b>")
        assert part.count("👩‍👩‍👧") * 8 <= 40
        assert len(re.sub("&amp;", "&", visible(part)).encode("utf-16-le")) // 2 <= 40
    assert "".join(map(visible, parts)).replace(" ", "") == visible(html).replace(" ", "")


def test_a_short_text_stays_whole() -> None:
    assert texts.split("<b>Hi</b> there") == ["<b>Hi</b> there"]
