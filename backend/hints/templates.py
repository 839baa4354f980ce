"""Hints without a model: written from the failing case and the diagnosis, for every level, tone and language.

They stand in where a model is down, leaks or writes nonsense. Several are made, the richest first; the caller takes the
first that the leak guard lets through. The last one is two sentences of our own with a number in them: it quotes
neither the failing case nor a line, so there is nothing in it to give away.
"""

from collections.abc import Sequence

from backend.errors import Language, Text
from backend.hints.diagnosis import Diagnosis, StepState
from backend.hints.ideas import IDEAS
from backend.hints.ladder import Tone
from backend.hints.levels import Level
from backend.hints.misconceptions import MisconceptionKind
from backend.hints.problems import LanguageName, Problem
from backend.hints.wording import idea_of, line_name, look_at, named_line, place, what_happened

_LOOK_FIRST = Text(
    "먼저 {where} 부분이 이 경우에 무엇을 하는지 떠올려 보세요.",
    "First ask yourself what happens in this case at {where}.",
)
_BEGIN = Text(
    "아직 쓴 코드가 없어도 괜찮아요. 이 예시가 왜 그런 답이 되는지부터 설명해 보세요.",
    "It is fine that there is no code yet; begin by explaining why this example has that answer.",
)
_STEPS = Text("이렇게 차례로 해 보세요.", "Go about it in this order.")
_LIST: dict[bool, Sequence[Text]] = {
    True: (
        Text(
            "이 경우의 값을 종이에 적고 답을 손으로 구한다.",
            "Write the values of this case on paper and find the answer by hand.",
        ),
        Text(
            "{line}번째 줄이 실행될 때마다 변수 값을 적어 나간다.",
            "Each time line {line} is run, note down what the variables hold.",
        ),
        Text(
            "손으로 구한 것과 처음 달라지는 곳에 표시한다.", "Mark the first point at which they differ from your own."
        ),
        Text("그곳 하나만 고치고 다시 실행한다.", "Change that one point only and run the program again."),
    ),
    False: (
        Text(
            "이 경우의 값을 종이에 적고 답을 손으로 구한다.",
            "Write the values of this case on paper and find the answer by hand.",
        ),
        Text("손으로 한 일을 순서대로 한 문장씩 적는다.", "Write what you did by hand, one sentence after the other."),
        Text(
            "첫 문장부터 하나씩 코드로 옮기고 그때마다 실행한다.",
            "Turn one sentence after the other into code, running it each time.",
        ),
    ),
}
_GOAL = Text("지금 살펴볼 단계는 ‘{goal}’입니다.", "The stage to think about now is “{goal}”.")
_DONE = Text("‘{goal}’ 단계는 이미 잘되어 있습니다.", "The stage “{goal}” is in place already.")
_CLOSING: dict[Tone, Sequence[Text]] = {
    Tone.NOVICE: (
        Text(
            "서두르지 말고 변수 값을 표로 적으며 한 줄씩 따라가 보면, 생각과 달라지는 순간이 눈에 보일 거예요.",
            "Take your time: make a small table of the variables and go through it line by line, and you will see the "
            "moment at which something is not as you thought.",
        ),
        Text(
            "한 번에 다 고치려 하지 않아도 괜찮아요. "
            "이 예시 하나가 왜 이렇게 되는지 말로 설명할 수 있으면 절반은 풀린 거예요.",
            "You need not mend everything at once; being able to say in your own words why this one case comes out "
            "like that is half of the way.",
        ),
        Text(
            "값을 더 작게 줄인 입력을 하나 만들어 같은 일이 생기는지 보면, 원인을 찾기가 훨씬 쉬워져요.",
            "Make an even smaller input of your own and see whether the same happens; that makes it much easier to "
            "find the cause.",
        ),
    ),
    Tone.INTERMEDIATE: (
        Text(
            "이 경우를 한 단계씩 따라가며 중간 값이 언제 처음 예상과 달라지는지 확인해 보세요.",
            "Step through this case, write the values down, and find the first moment at which one of them departs "
            "from "
            "what you expect.",
        ),
        Text(
            "같은 일이 생기는 더 작은 경우를 하나 만들어 원인을 좁혀 보세요.",
            "Make a smaller case in which the same happens, and narrow the cause down from there.",
        ),
        Text(
            "통과하는 경우와 이 경우를 나란히 놓고 무엇이 다른지 한 문장으로 정리해 보세요.",
            "Put a case that passes beside this one and say in one sentence what is different about it.",
        ),
    ),
    Tone.ADVANCED: (
        Text(
            "바퀴마다 성립해야 하는 조건을 하나 정하고, 이 경우에 그것이 처음 깨지는 시점을 특정하세요.",
            "State a condition that should hold on every pass through that part, and pin down the moment at which this "
            "case breaks it first.",
        ),
        Text(
            "이 경우를 최소로 줄인 반례를 만들고, 어떤 가정이 무너지는지 밝히세요.",
            "Reduce this to a minimal counterexample, and name the assumption that does not hold in it.",
        ),
        Text(
            "경계가 되는 입력을 나열하고, 이 경우가 그 가운데 어디에 속하는지 따져 보세요.",
            "List the inputs at the boundaries, and work out to which of them this case belongs.",
        ),
    ),
}
_CLOSING_UNREADABLE = (
    Text(
        "오류가 알려 주는 줄에서 시작해 바로 윗줄까지, 열린 것과 닫힌 것, 들여쓰기를 하나씩 짝지어 보면 어긋난 "
        "자리가 보일 거예요.",
        "Begin at the line of the message and go up one line, pairing everything that opens with what closes it, and "
        "the "
        "indentation with the line it belongs to; the odd one out will show.",
    ),
    Text(
        "잘 되는 비슷한 줄을 프로그램에서 하나 찾아 이 줄과 글자 하나하나 견주어 보세요. 다른 점이 바로 단서예요.",
        "Find a similar line of your program that is fine and compare the two letter by letter; what differs between "
        "them "
        "is the clue that you are looking for.",
    ),
    Text(
        "이 줄을 소리 내어 읽으면서 파이썬이 다음에 무엇이 오기를 기다리는지 생각해 보세요.",
        "Read this line aloud, bit by bit, and say at every point what Python waits for next; the point where your "
        "answer "
        "and the line part is the one.",
    ),
)
_CLOSING_EMPTY = (
    Text(
        "무엇이 들어오고 무엇이 나가야 하는지를 각각 한 문장으로 적으면, 그 사이에 필요한 일이 무엇인지 드러나요.",
        "Write one sentence about what comes in and one about what has to come out; then it shows which work lies "
        "between "
        "the two of them.",
    ),
    Text(
        "한꺼번에 다 쓰려 하지 말고, 들어온 값을 그대로 보여 주는 프로그램부터 만들어 실행해 보세요. 거기서 한 "
        "걸음씩 나아가면 돼요.",
        "Do not try to write all of it at once: begin with a program that merely shows what came in, run it, and go on "
        "from there one small step at a time.",
    ),
    Text(
        "이 예시를 친구에게 설명한다면 어떤 순서로 말할지 떠올려 보세요. 그 순서가 곧 프로그램의 뼈대가 됩니다.",
        "Imagine explaining this example to a friend: the order in which you would tell it is the skeleton of the "
        "program "
        "that you are about to write.",
    ),
)
_BASIS = Text(
    "나머지 줄은 그대로 두고 이 경우 하나에만 집중하세요.",
    "Leave all other lines as they are and think of this one case only.",
)
_SOLVED = Text(
    "프로그램이 {total}개의 검사를 모두 통과했습니다. 축하해요!",
    "Your program passes all {total} tests. Well done!",
)
_SOLVED_STEPS = Text("스스로 해낸 것은 {goals}입니다.", "What you worked out: {goals}.")
_SOLVED_NEXT = Text(
    "이제 {where} 부분이 꼭 필요한지, 입력이 백 배로 커져도 충분히 빠른지, "
    "같은 일을 다른 방법으로 하면 무엇이 나아지는지 생각해 보세요. "
    "다른 사람에게 풀이를 설명하듯 한 문단으로 적어 두면 오래 남습니다.",
    "Now think about what could be simpler at {where}, whether it stays fast when the input is a hundred times larger, "
    "and what another way of solving it would gain. Writing down your idea in a paragraph, as if to explain it, makes "
    "it stay.",
)


def templates(
    problem: Problem,
    diagnosis: Diagnosis,
    level: Level,
    *,
    tone: Tone,
    language: LanguageName,
    asked_before: int = 0,
) -> Sequence[str]:
    """Hints for a program that does not pass, the richest first.

    Args:
        problem: in the language of the hint as far as it is translated.
        asked_before: hints given before; each closes with other words.
    """
    told = Language(language)
    idea = idea_of(diagnosis)
    line = place(diagnosis)
    case = what_happened(diagnosis, problem, language)
    closing = closing_words(diagnosis, tone, language, asked_before)
    others = [closing_words(diagnosis, tone, language, asked_before + 1), closing]
    look = plain = _BEGIN.in_(told)
    if line is not None:
        where = named_line(line, diagnosis, language)
        look = _LOOK_FIRST.in_(told).format(where=where) if asked_before % 2 else look_at(where, language)
        plain = look_at(line_name(line, language), language)
    goal = _goals(diagnosis, level, told)
    match level:
        case Level.ORIENT:
            bodies = [[case, look, closing]]
        case Level.CONCEPT:
            bodies = [[case, look, idea.concept.in_(told), closing]]
        case Level.PLAN:
            bodies = [[case, look, *goal, idea.check.in_(told), closing], [case, look, idea.check.in_(told), closing]]
        case Level.NEXT_STEP:
            bodies = [[case, look, *goal, idea.first.in_(told), closing], [case, look, idea.first.in_(told), closing]]
        case Level.PSEUDO_CODE:
            listed = _listed(line, told)
            bodies = [[case, idea.check.in_(told), *goal, listed], [case, idea.check.in_(told), look, listed]]
    bodies.append([case, look, _BASIS.in_(told), *others])
    bodies.append([look, _BASIS.in_(told), *others])
    bodies += [[plain, _BASIS.in_(told), *others], [plain, _BASIS.in_(told)]]
    return list(dict.fromkeys(_joined(body) for body in bodies))


def solved(diagnosis: Diagnosis, language: LanguageName) -> str:
    """What is said to someone whose program passes all tests."""
    told = Language(language)
    line = place(diagnosis)
    goals = [
        f"‘{each.step.goal}’"
        for each in diagnosis.steps
        if each.state is StepState.DONE and _is_in(each.step.goal, told)
    ]
    parts = [_SOLVED.in_(told).format(total=diagnosis.total)]
    if goals:
        parts.append(_SOLVED_STEPS.in_(told).format(goals=", ".join(goals[:4])))
    if line is not None:
        parts.append(_SOLVED_NEXT.in_(told).format(where=named_line(line, diagnosis, language)))
    return _joined(parts)


def overcome(kind: MisconceptionKind, language: LanguageName) -> str:
    """A misconception as something that was learnt; empty where there is nothing to say."""
    return IDEAS[kind].learnt.in_(Language(language))


def closing_words(diagnosis: Diagnosis, tone: Tone, language: LanguageName, asked_before: int = 0) -> str:
    """How to go about it, whatever is wrong; other words each time. They fit any hint for the program."""
    closings = _CLOSING_EMPTY if place(diagnosis) is None else _CLOSING[tone]
    if diagnosis.syntax_message:
        closings = _CLOSING_UNREADABLE
    return closings[asked_before % len(closings)].in_(Language(language))


def _goals(diagnosis: Diagnosis, level: Level, told: Language) -> list[str]:
    """What the program does already, and the stage to think about, where the problem's steps are in the language."""
    usable = [each for each in diagnosis.steps if _is_in(each.step.goal, told)]
    done = [each.step.goal for each in usable if each.state is StepState.DONE]
    pending = [each.step.goal for each in usable if each.state is StepState.WRONG]
    said = [_DONE.in_(told).format(goal=done[0])] if done else []
    # The aim of a step is often what is missing in it: before the next step is asked for, that says too much.
    names_aim = pending and level >= Level.NEXT_STEP
    return said + ([_GOAL.in_(told).format(goal=pending[0])] if names_aim else [])


def _listed(line: int | None, told: Language) -> str:
    points = [each.in_(told).format(line=line) for each in _LIST[line is not None]]
    return _STEPS.in_(told) + "\n\n" + "\n".join(f"{number}. {point}" for number, point in enumerate(points, 1))


def _is_in(goal: str, told: Language) -> bool:
    has_hangul = any("가" <= letter <= "힣" for letter in goal)
    return bool(goal) and has_hangul is (told is Language.KO)


def _joined(parts: Sequence[str]) -> str:
    return " ".join(part for part in parts if part)
