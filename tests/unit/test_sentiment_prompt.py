"""What the model reads of a review."""

import pytest

from backend.sentiment.labels import Label
from backend.sentiment.language import language_of
from backend.sentiment.prompt import (
    DEFAULT_PROMPTS,
    Example,
    LanguagePrompt,
    Profile,
    byte_budget,
    cut,
    readable,
)
from backend.sentiment.seen import fingerprint, normalised


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("맛있어요", "ko"),
        ("ㅋㅋㅋ", "ko"),
        ("BEST 파스타 ALIO E OLIO 최고", "ko"),
        ("The best kimchi 김치 in town", "en"),
        ("Great food", "en"),
        ("Très bon café", "en"),
        ("とても美味しい店でした", "ja"),
        ("非常好吃", "zh"),
        ("Очень вкусно", "ru"),
        ("อร่อยมาก", "th"),
        ("😀😀", "und"),
        ("10/10", "und"),
        ("", "und"),
    ],
)
def test_language_by_script(text: str, language: str) -> None:
    assert language_of(text) == language


def test_readable_composes_and_keeps_the_letters_of_laughter() -> None:
    assert readable("  맛있다 \n\n ㅋㅋㅋ\t") == "맛있다 ㅋㅋㅋ"


def test_the_same_review_in_other_clothes() -> None:
    assert fingerprint(normalised("ＧＯＯＤ  맛집 ")) == fingerprint(normalised("GOOD\n맛집"))
    assert fingerprint(normalised("맛집")) != fingerprint(normalised("맛 집"))


def test_a_long_review_keeps_its_beginning_and_its_end() -> None:
    text = "처음" + "가" * 50_000 + "마지막"
    short, is_cut = cut(text, 600)
    assert is_cut and len(short.encode()) <= 610
    assert short.startswith("처음") and short.endswith("마지막")


def test_a_review_that_fits_is_not_touched() -> None:
    assert cut("맛있어요", 12) == ("맛있어요", False)


def test_the_budget_follows_the_context() -> None:
    head = DEFAULT_PROMPTS["ko"].head
    assert byte_budget(32_768, head) == 6_000
    assert 200 < byte_budget(1_024, head) < 2_000
    assert byte_budget(64, head) == 200


def test_the_fixed_part_comes_first_and_the_review_last() -> None:
    prompt = LanguagePrompt("rules", (Example("yum", Label.POSITIVE),))
    one, other = prompt.head.with_text("a"), prompt.head.with_text("b")
    assert one[:-1] == other[:-1]
    assert [m["role"] for m in one] == ["system", "user", "assistant", "user"]
    assert one[1]["content"] == "<review>\nyum\n</review>" and one[2]["content"] == "positive"
    assert one[-1]["content"] == "<review>\na\n</review>"


def test_a_language_without_a_prompt_gets_the_english_one() -> None:
    profile = Profile({"ko": LanguagePrompt("우리 규칙")})
    assert profile.language_for("ko") == "ko" and profile.language_for("ja") == "en"
    assert profile.prompts["en"] == DEFAULT_PROMPTS["en"]
    assert profile.with_prompt("ja", LanguagePrompt("x")).language_for("ja") == "ja"
