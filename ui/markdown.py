"""Untrusted text for the Markdown component: markup of the writer's own stays text.

A model (or a document it quotes) may write HTML: forms that send data elsewhere, overlays, images whose address
carries what was said. Outside code blocks every `<` is escaped and images become text; inside them nothing is
markup anyway. Where code begins and ends is asked of a CommonMark parser, not guessed with patterns.
"""

import re
from collections.abc import Callable

from markdown_it import MarkdownIt

_PARSER = MarkdownIt("commonmark").disable(["html_block", "reference"])
_PARSER.core.ruler.enableOnly(["normalize", "block"])
# Markup of the writer's own is text, and nothing in the text leads anywhere or loads anything.
_RENDERER = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(
    ["html_block", "html_inline", "image", "link", "autolink", "reference"]
)
_CODE_SPAN = re.compile(r"(?<![\\`])(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_PUNCTUATION = re.compile(r"[^\w\s]")


Change = Callable[[str], str]


def untrusted(text: str, change: Change | None = None) -> str:
    """Markdown in which nothing but Markdown is left; code blocks are kept to the letter.

    `change` gets the pieces of prose after they are escaped, and may put markup of our own into them.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    in_code = [False] * len(lines)
    for token in _PARSER.parse(text):
        if token.type in ("fence", "code_block") and token.map:
            for number in range(token.map[0], min(token.map[1], len(lines))):
                in_code[number] = True
    return "\n".join(line if code else _prose(line, change) for line, code in zip(lines, in_code, strict=True))


def rendered(text: str) -> str:
    """Markdown as safe HTML on one line, to stand inside HTML of our own; without images and links."""
    html: str = _RENDERER.render(text)
    return html.strip().replace("\n", "&#10;")


def _prose(line: str, change: Change | None) -> str:
    safe = (lambda piece: change(_escaped(piece))) if change else _escaped
    parts = []
    position = 0
    for span in _CODE_SPAN.finditer(line):
        parts += [safe(line[position : span.start()]), _code(span.group(2))]
        position = span.end()
    parts.append(safe(line[position:]))
    return "".join(parts)


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("![", "!&#91;")


def _code(text: str) -> str:
    """A code span as an element whose content no Markdown parser can read as anything but text."""
    return "<code>" + _PUNCTUATION.sub(lambda match: f"&#{ord(match.group())};", text) + "</code>"
