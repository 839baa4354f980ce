"""The left side of the hints page: the list of problems, the open one with its examples, and how a run went."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from backend.errors import Language
from backend.hints.asking import ProblemProgress
from backend.hints.bank import Summary
from backend.hints.nearest import parsed
from backend.hints.problems import Example, Kind, LanguageName, Problem
from backend.hints.sandbox import CaseResult, Judgement, Verdict
from ui.html import act, escape, table, verbatim
from ui.text import t

_SHOWN_TAGS = 3
_SHOWN_CASES = 30
_ADVISED = (Verdict.TIME_LIMIT, Verdict.MEMORY_LIMIT, Verdict.OUTPUT_LIMIT, Verdict.NOT_ALLOWED)


def language_name(language: Language) -> LanguageName:
    """The reader's language as the problems call it."""
    return "ko" if language is Language.KO else "en"


def problem_list(rows: Sequence[Summary], here: int | None, language: Language, *, is_filtered: bool) -> str:
    """Problems to choose from; `here` is the open one."""
    if not rows:
        words = t("problems_none" if is_filtered else "bank_empty", language)
        return f"<p class='muted none'>{escape(words)}</p>"
    items = "".join(_item(row, here, language) for row in rows)
    count = escape(t("problems_count", language, count=len(rows)))
    return f"<p class='facts'>{count}</p><ul class='problems'>{items}</ul>"


def _item(row: Summary, here: int | None, language: Language) -> str:
    facts = " · ".join([t("level_of", language, n=row.level), *row.tags[:_SHOWN_TAGS]])
    badge = f" <span class='badge ok'>{escape(t('solved', language))}</span>" if row.solved else ""
    words = f"<span class='title'>{escape(row.title)}</span>{badge}<span class='facts'>{escape(facts)}</span>"
    return (
        f"<li class='{'current' if row.problem_id == here else ''}'>{act('h-open', words, target=row.problem_id)}</li>"
    )


def problem_text(problem: Problem, progress: ProblemProgress, language: Language) -> str:
    """The open problem, with the program that the box beside it begins with.

    Its class `at-…` tells the page's script which problem is open. The last program, and the first lines of a new one,
    are quoted for the script: a browser keeps every character of them.
    """
    tags = "".join(f"<span class='tag'>{escape(tag)}</span>" for tag in problem.tags)
    solved = f"<span class='badge ok'>{escape(t('solved', language))}</span>" if progress.solved else ""
    level = f"<span class='tag'>{escape(t('level_of', language, n=problem.level))}</span>"
    parts = [
        act("pick", "‹ " + escape(t("back_to_list", language)), css="button"),
        f"<h2>{escape(problem.title)}</h2><div class='tags'>{level}{tags}{solved}</div>",
        _paragraphs(problem.description),
    ]
    if problem.kind is Kind.FUNCTION:
        parts.append(f"<p>{escape(t('function_to_write', language, name=problem.function_name))}</p>")
    for key, words in (("given_input", problem.input_description), ("given_output", problem.output_description)):
        if words.strip():
            parts.append(f"<h3>{escape(t(key, language))}</h3>{_paragraphs(words)}")
    parts.append(f"<h3>{escape(t('examples_title', language))}</h3>{_examples(problem, language)}")
    if problem.url.startswith("https://"):
        link = escape(t("original_problem", language))
        parts.append(
            f"<p><a href='{escape(problem.url)}' target='_blank' rel='noopener noreferrer nofollow'>{link} ↗</a></p>"
        )
    begin = f"<span class='first-code' hidden>{quote(first_lines(problem))}</span>"
    begin += f"<span class='last-code' hidden>{quote(progress.code)}</span>"
    return f"<div class='problem at-{problem.problem_id}'>{''.join(parts)}{begin}</div>"


def first_lines(problem: Problem) -> str:
    """What an empty box begins with: the head of the function to write, with the names its references use."""
    if problem.kind is not Kind.FUNCTION:
        return ""
    trees = [parsed(solution.code) for solution in problem.solutions]  # of which some may not be checked yet
    for tree in filter(None, trees):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == problem.function_name:
                return f"def {node.name}({', '.join(each.arg for each in node.args.args)}):\n    "
    return ""


def _examples(problem: Problem, language: Language) -> str:
    is_function = problem.kind is Kind.FUNCTION
    titles = [t("arguments" if is_function else "given_input", language)]
    titles.append(t("returns" if is_function else "given_output", language))
    return table(titles, [_example(example, language) for example in problem.examples])


def _example(example: Example, language: Language) -> list[str]:
    return [value(example.input, language), value(example.output, language)]


def value(text: str, language: Language) -> str:
    """Input or output as written: every space and line of it."""
    shown = text.strip("\n")
    if not shown:
        return f"<span class='muted'>{escape(t('nothing_shown', language))}</span>"
    return f"<pre class='value'>{verbatim(shown)}</pre>"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in text.split("\n") if line.strip())


# --- how a run went --------------------------------------------------------------------------------------


def results(problem: Problem, judgement: Judgement, language: Language) -> str:
    """The verdict, the smallest failing input, and every case."""
    failing = judgement.failing
    count = t("passed_of", language, passed=judgement.passed, total=judgement.total)
    summary = f"{badge(judgement.verdict, language)} <span>{escape(count)}</span>"
    parts = [f"<h3>{escape(t('results_title', language))}</h3><p class='verdict' role='status'>{summary}</p>"]
    if failing is None:
        parts.append(f"<p>{escape(t('all_passed', language))}</p>")
    else:
        parts.append(_failing(failing, language))
    rows = [_case(result, len(problem.examples), language) for result in _listed(judgement.results)]
    parts.append(f"<ul class='cases'>{''.join(rows)}</ul>")
    counts = {"not_listed_count": len(judgement.results) - len(rows), "not_run_count": judgement.not_run}
    parts += [f"<p class='facts'>{escape(t(key, language, count=n))}</p>" for key, n in counts.items() if n]
    return f"<div class='results'>{''.join(parts)}</div>"


def _listed(cases: Sequence[CaseResult]) -> Sequence[CaseResult]:
    """As many as a list may have, in their order; where there are more, those that passed are left out first."""
    kept = sorted(cases, key=lambda case: case.verdict is Verdict.PASSED)[:_SHOWN_CASES]
    return sorted(kept, key=lambda case: case.index)


def results_of_hint(diagnosis: Mapping[str, Any], language: Language) -> str:
    """How the program did that a hint was made for: the verdict and the smallest failing input."""
    count = t("passed_of", language, passed=diagnosis["passed"], total=diagnosis["total"])
    summary = f"{badge(Verdict(diagnosis['verdict']), language)} <span>{escape(count)}</span>"
    told = diagnosis.get("failing")
    failing = ""
    if told:
        failing = _failing(
            CaseResult(
                index=told["number"] - 1,
                verdict=Verdict(told["verdict"]),
                input=told["input"],
                expected=told["expected"],
                got=told["got"],
                ms=0.0,
                memory_kib=0,
                line=told["line"],
                message=told["message"],
                call=told["call"],
            ),
            language,
        )
    title = escape(t("results_title", language))
    return f"<div class='results'><h3>{title}</h3><p class='verdict' role='status'>{summary}</p>{failing}</div>"


def running(language: Language) -> str:
    """What stands there while the tests are run."""
    title, words = escape(t("results_title", language)), escape(t("running", language))
    line = f"<div class='making' role='status'><span class='pulse'></span><span>{words}</span></div>"
    return f"<div class='results'><h3>{title}</h3>{line}</div>"


def before_running(progress: ProblemProgress, language: Language) -> str:
    """What is known without running anything in this page."""
    words = escape(t("not_run_yet", language))
    if progress.verdict:
        words = f"{escape(t('last_run', language))}: {badge(Verdict(progress.verdict), language)}"
    return f"<div class='results'><h3>{escape(t('results_title', language))}</h3><p class='muted'>{words}</p></div>"


def badge(verdict: Verdict, language: Language) -> str:
    """A verdict as a coloured word."""
    css = "ok" if verdict is Verdict.PASSED else "warn" if verdict in _ADVISED else ""
    return f"<span class='badge {css}'>{escape(t(f'verdict_{verdict}', language))}</span>"


def _failing(failing: CaseResult, language: Language) -> str:
    parts = []
    if failing.verdict is Verdict.NOT_ALLOWED:
        parts.append(_said(failing, t("refused_call", language, call=failing.call or "?"), language))
    elif failing.message:
        parts.append(_said(failing, failing.message, language))
    if failing.verdict in _ADVISED:
        parts.append(f"<p>{escape(t(f'advice_{failing.verdict}', language))}</p>")
    if failing.verdict is not Verdict.SYNTAX_ERROR:
        got = [("got", failing.got)] if failing.verdict is Verdict.WRONG_ANSWER or failing.got else []
        shown = [("smallest_failing", failing.input), ("expected", failing.expected), *got]
        facts = "".join(f"<dt>{escape(t(key, language))}</dt><dd>{value(text, language)}</dd>" for key, text in shown)
        parts.append(f"<dl class='failing'>{facts}</dl>")
    return "".join(parts)


def _said(failing: CaseResult, message: str, language: Language) -> str:
    place = f"<b>{escape(t('line_n', language, n=failing.line))}</b> · " if failing.line else ""
    return f"<p class='message'>{place}<code>{escape(message)}</code></p>"


def _case(result: CaseResult, examples: int, language: Language) -> str:
    is_example = result.index < examples
    key, number = ("example_n", result.index + 1) if is_example else ("test_n", result.index - examples + 1)
    name = escape(t(key, language, n=number))
    took = f"<span class='facts'>{result.ms:,.0f} ms</span>"
    return f"<li>{badge(result.verdict, language)} <span class='name'>{name}</span> {took}</li>"
