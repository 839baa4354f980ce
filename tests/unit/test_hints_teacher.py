"""What leaves the house as a table cannot run as a formula."""

from datetime import UTC, datetime

import pytest

from backend.hints.teacher import Report, Stuck, as_csv, as_json


@pytest.mark.parametrize("title", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_cell_is_a_formula(title: str) -> None:
    row = Stuck(title, 1, title, 1, None, solved=False, hints=0, deepest_level=None, last_at=datetime.now(UTC))
    report = Report((row,), (), (), {})
    line = as_csv(report).decode("utf-8-sig").splitlines()[1]
    assert line.startswith(f"'{title}")
    assert title.strip() in as_json(report).decode() or "\\t" in as_json(report).decode()
