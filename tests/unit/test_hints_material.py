"""What hints about one program are compared with: his own lines, however they look and however long they are."""

from backend.hints.leak_guard import check, prepare
from backend.hints.levels import Level

REFERENCE = "n = int(input())\nprint(n * (n + 1) // 2)\n"


def test_the_learners_own_line_may_be_quoted_whatever_a_reader_of_markdown_sees_in_it() -> None:
    for line in (
        "print(n)  # total = sum(range(1, n + 1))",
        "print('a\\*b\\_c\\#d')",
        "print('&lt;b&gt;' + str(n))",
        "x = a **b** c",
        "print('\\u0041' + str(n + 1))",
    ):
        material = prepare([REFERENCE], f"n = int(input())\n{line}\n", [])
        assert check(f"Turn your attention to line 2, `{line}`.", Level.ORIENT, material).allowed, line
        assert not check(f"Write `{line}`.", Level.ORIENT, prepare([REFERENCE], "", [])).allowed, line


def test_a_line_of_any_length_is_the_learners_own_and_compared_to_a_limit() -> None:
    line = f"x = {' + '.join(['a'] * 15_000)} + last(b)"
    material = prepare([REFERENCE, line], line, [])
    assert material.has(("+", "last", "(", "b", ")"))
    assert max(len(each.row) for reference in material.references for each in reference.lines) < 1_000
    assert not material.references[1].new_lines
    assert all(len(each.change.before) < 1_000 for each in material.references[0].lines if each.change)
    assert len(prepare([REFERENCE], "x = 1\n" * 10_000, []).own_steps) < 1_000
