"""Text as its reader sees it: disguises undone that leave code readable and make a comparison miss it."""

import base64
import binascii
import html
import re
import unicodedata
from contextlib import suppress
from urllib.parse import unquote

# Letters of other alphabets that look like Latin ones.
_LOOKALIKES = str.maketrans(
    "АВЕЅЗІЈКМНОРСТУХаеорсухіѕјһԁԛԝɡɩΑΒΕΖΗΙΚΜΝΟΡΤΥΧοαινρυχꓲⅼ",
    "ABES3IJKMHOPCTYXaeopcyxisjhdqwgiABEZHIKMNOPTYXoaivpuxIl",
)
_SIGNS = {
    "≥": ">=", "⩾": ">=", "≧": ">=", "≤": "<=", "⩽": "<=", "≦": "<=", "≠": "!=", "×": "*", "✕": "*", "∗": "*", "·": "*",
    "÷": "/", "∕": "/", "⁄": "/", "−": "-", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": " , ", "―": " , ",
    "←": " = ", "⟵": " = ", "⇐": " = ", "≔": " = ", "∧": " and ", "∨": " or ", "¬": " not ", "∈": " in ",
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "『": '"', "』": '"', "「": '"', "」": '"', "‘": "'", "’": "'",
    "‚": "'", "´": "'", "′": "'", "ㅤ": "", "ᅠ": "", "ᅟ": "", "⠀": " ", "\u2028": "\n", "\u2029": "\n", "\x0b": "\n",
    "\x0c": "\n", "\x85": "\n", "\r": "\n", "\t": "    ", "•": "\n- ", "▪": "\n- ", "●": "\n- ", "‣": "\n- ",
}  # fmt: skip
_SIGNS_TABLE = str.maketrans(_SIGNS)
_HIDDEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\u0300-\u036f\u20d0-\u20ff\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_TAG_NAMES = (
    "b|i|em|strong|span|p|div|br|li|ul|ol|code|pre|kbd|tt|u|s|sub|sup|table|tbody|thead|tr|td|th|h[1-6]|font|mark|hr|a"
    "|details|summary|blockquote|samp|var|del|ins|small|section"
)
_TAG = re.compile(
    rf"<\s{{0,3}}(/?)\s{{0,3}}({_TAG_NAMES})((?:\s{{1,5}}[\w-]{{1,30}}\s?=\s?(?:\"[^\"<>]{{0,200}}\"|'[^'<>]{{0,200}}'))*)\s{{0,3}}/?>",
    re.IGNORECASE,
)
_BREAKING = frozenset(
    {"br", "p", "div", "li", "ul", "ol", "tr", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "td", "blockquote"}
)
_BOLD = re.compile(r"(?<![\w*])\*\*(?=[^\s*])([^*\n]{1,300})(?<=[^\s*])\*\*(?![\w*])")
_MATHS = re.compile(r"(?<![\w$])\${1,2}([^$\n]{1,300})\${1,2}(?![\w$])")
_MARKDOWN_ESCAPE = re.compile(r"\\([_*`#\[\](){}<>|~.!+=-])")
_ESCAPED_CHARACTER = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
_SPACED_LETTERS = re.compile(r"(?<!\w)(?:[A-Za-z] ){3,40}[A-Za-z](?!\w)")
_ENCODED = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{16,8000}={0,2}(?![\w+/=-])")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_PRINTABLE_SHARE = 0.95
_ARROW = re.compile(r"(?<=[\w\])]) {0,3}<-{1,2} {1,3}(?=[\w\[(\"'-])")


def undisguised(text: str) -> str:
    """The text with tags, entities, escapes, look-alike and invisible characters undone; encoded text stands decoded
    behind it."""
    for _ in range(2):
        text = html.unescape(text)
    text = _TAG.sub(_without_tag, text)
    text = _ESCAPED_CHARACTER.sub(lambda found: chr(int(found[1] or found[2], 16)), text)
    text = text_of_code(text.replace("\r\n", "\n"))
    text = _MARKDOWN_ESCAPE.sub(r"\1", _MATHS.sub(r"\1", _BOLD.sub(r"\1", text)))
    text = _SPACED_LETTERS.sub(lambda found: found[0].replace(" ", ""), _ARROW.sub(" = ", text))
    decoded = [read for found in _ENCODED.finditer(text) if (read := _decoded(found[0]))]
    if "\\n" in text:  # a program inside of a text literal
        decoded.append(text.replace("\\n", "\n").replace("\\t", "    ").replace('\\"', '"'))
    if len(_PERCENT.findall(text)) >= 3:
        decoded.append(unquote(text))
    return "\n".join([text, *decoded])


def text_of_code(text: str) -> str:
    """Code, or text, in one way of writing: NFKC, Latin letters for what looks like them, ASCII operators."""
    text = unicodedata.normalize("NFKC", text.translate(_SIGNS_TABLE))
    text = "".join(each for each in text if unicodedata.category(each) != "Cf") if not text.isascii() else text
    return _HIDDEN.sub("", text).translate(_LOOKALIKES)


def _without_tag(found: re.Match[str]) -> str:
    name = found[2].lower()
    if name in {"code", "kbd", "tt", "samp"}:
        return "`"
    if name == "pre":
        return "\n```\n"
    return "\n" if name in _BREAKING else ""


def _decoded(text: str) -> str:
    """What base64 or hexadecimal digits say, if that is text with something of code in it."""
    raws = []
    if len(text) % 2 == 0 and not text.strip("0123456789abcdefABCDEF"):
        raws.append(bytes.fromhex(text))
    with suppress(binascii.Error, ValueError):
        raws.append(base64.b64decode(text.translate({45: 43, 95: 47}) + "=" * (-len(text) % 4), validate=True))
    for raw in raws:
        try:
            read = raw.decode()
        except UnicodeDecodeError:
            continue
        if sum(each.isprintable() or each == "\n" for each in read) >= _PRINTABLE_SHARE * len(read) > 0:
            return read
    return ""
