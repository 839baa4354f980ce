"""What a good tutor says, in Korean (True) and English (False)."""

from backend.hints.levels import Level

# {line} a line of the learner's, {at} its number, {given} and {wanted} of an example, {got} what his program might
# print, {name} one of his names, {goal} of a step. What a template names must be there, or it is left out.
ANY = {
    True: (
        "{at}번째 줄 `{line}`을 천천히 읽어 보세요. 이 줄이 실행된 뒤 값이 어떻게 달라지나요?",
        "예제 입력 `{given}`을 넣으면 `{wanted}`이(가) 나와야 해요. 지금 프로그램은 무엇을 출력하나요?",
        "입력이 `{given}`일 때 지금은 {got}을(를) 출력하는데 기대하는 값은 {wanted}이에요. 어디에서 달라지는지 종이에 따라가 보세요.",
        "문제를 다시 읽고, 무엇이 주어지고 무엇을 구해야 하는지 자기 말로 한 문장씩 적어 보세요.",
        "`{line}` 바로 앞에서 값을 확인해 보세요. 생각한 값과 같은가요, 다른가요?",
        "`print()`로 중간 값을 찍어 보면 어느 줄에서 생각과 달라지는지 알 수 있어요.",
        "아주 작은 입력으로 시작해 보세요. 손으로 푼 답과 프로그램의 답이 처음 갈라지는 곳이 어디인가요?",
        "입력을 읽는 부분은 잘 되어 있어요. 이제 {at}번째 줄이 문제에서 말한 조건과 꼭 맞는지 살펴보세요.",
        "지금 코드는 첫 예제에서는 괜찮지만 다른 경우에서 막혀요. 입력 `{given}`의 답은 `{wanted}`인데 실제 출력은 `{got}`이에요. 두 값의 차이가 왜 생겼을까요?",
        "좋은 시작이에요! `{line}` 줄은 그대로 두고, 그다음에 무엇이 있어야 할지 문제 설명에서 찾아보세요.",
        "반복이 몇 번 도는지 세어 보세요. 처음과 마지막에 `{name}`의 값은 각각 얼마인가요?",
        "조건의 경계를 확인해 보세요. 값이 꼭 같을 때는 어느 쪽으로 가야 하나요?",
        "`int()`와 `input()`이 무엇을 돌려주는지 떠올려 보세요. 입력은 언제나 글자로 들어와요.",
        "변수 `{name}`의 처음 값이 언제나 알맞은가요? 모든 값이 음수이거나 0일 때도 맞는지 살펴보세요.",
        "`{line}`의 들여쓰기를 보세요. 반복문 안에 있어야 할까요, 밖에 있어야 할까요?",
        "비교할 때 `>`와 `>=`는 값이 같을 때 다르게 움직여요. 문제에서는 같은 값을 어떻게 하라고 했나요?",
    ),
    False: (
        "Read line {at}, `{line}`, slowly. How do the values change once it has run?",
        "For the example input `{given}` the answer has to be `{wanted}`. What does your program print now?",
        "With `{given}` your program prints {got} where {wanted} is expected. Follow it on paper: where do the two part?",
        "Read the problem once more and write down, one sentence each, what is given and what has to be found.",
        "Check the values right before `{line}`. Are they what you thought they would be?",
        "A `print()` in the middle tells you on which line the values stop being what you expect.",
        "Begin with a very small input. Where do your answer by hand and the answer of the program differ first?",
        "Reading the input works well. Now look whether line {at} says exactly what the problem says.",
        "Your loop looks right, but check what `{name}` holds after the last pass. Is it what you print in the end?",
        "You are close! The program prints `{got}` for `{given}`, but `{wanted}` is expected. Which variable makes that number?",
        "Think about the order: when is `{name}` updated, and when is it used? Write both moments down.",
        "What happens if the input has only one element? Walk through your code by hand with the smallest input there can be.",
        "Remember that `range` stops before its end. Count how many times your loop runs for `{given}`.",
        "Line {at} treats two cases alike that the problem tells apart. Read the statement again and list the cases.",
        "First check that the input is read as you think, then add a print to see `{name}` after each step. Finally compare with `{wanted}`.",
        "Compare `{got}` with `{wanted}` character by character: the statement says exactly how the answer has to look.",
    ),
}  # fmt: skip
BY_LEVEL: dict[Level, dict[bool, tuple[str, ...]]] = {
    Level.ORIENT: {
        True: ("문제는 {at}번째 줄 근처에 있어요. 그 줄이 모든 경우에 맞는지 생각해 보세요.", "예제는 되지만 빠진 경우가 있는지 보세요. 가장 작은 입력은 무엇일까요?"),
        False: ("The trouble is somewhere near line {at}. Does that line hold in every case?", "Is there a case that you have not thought of? What is the smallest input that is allowed?"),
    },
    Level.CONCEPT: {
        True: (
            "이 문제는 값을 하나씩 살펴보면서 기억할 것을 정하는 연습이에요. 지금 프로그램은 무엇을 기억하고 있나요?",
            "경계에 있는 값에서는 어떤 일이 일어나야 하나요? 비교할 때 같은 값이 어느 쪽에 들어가는지 문제에서 찾아보세요.",
            "반복문은 같은 일을 여러 번 하게 해 줘요. `for`와 `while` 중 어느 쪽이 이 문제에 자연스러운지 생각해 보세요.",
            "`input()`은 한 줄을 글자로 읽어요. 그 글자를 그대로 쓰면 되는지, 다른 형으로 바꿔야 하는지 생각해 보세요.",
        ),
        False: (
            "This is about looking at values one by one and deciding what to remember. What does your program remember now?",
            "What should happen right at the boundary? Look in the problem on which side a value belongs that is just equal.",
            "A loop does the same thing many times. Would `for` or `while` be the more natural one here?",
            "`input()` reads one line as text. Can you use that text as it is, or do you need it in another form?",
        ),
    },
    Level.PLAN: {
        True: ("다음 목표는 '{goal}'이에요. 지금 프로그램의 어느 줄이 그 일을 하고 있나요?", "먼저 입력이 맞게 읽혔는지 확인하고, 다음에 계산을, 마지막에 출력 형식을 확인하는 순서로 가 보세요."),
        False: ("Your next goal: {goal}. Which line of your program does that now?", "First make sure that the input is read as you think, then look at the computation, and at the form of the output last."),
    },
    Level.NEXT_STEP: {
        True: ("지금은 `{line}` 한 줄만 보세요. `{given}`을 넣고 이 줄에서 `{name}`의 값을 확인해 보세요.", "`{name}`이(가) 언제 바뀌어야 하는지 한 문장으로 적고, 그 문장과 {at}번째 줄을 비교해 보세요."),
        False: ("Look at one line only for now: `{line}`. What is in `{name}` there when you give it `{given}`?", "Say in one sentence when `{name}` has to change, and hold that sentence against line {at}."),
    },
    Level.PSEUDO_CODE: {
        True: (
            "큰 흐름은 이래요.\n- 문제에서 준 값을 빠짐없이 읽어요\n- 답을 정하는 데 필요한 것만 골라 살펴봐요\n- 구한 답을 형식에 맞게 보여 줘요\n지금 프로그램은 둘째 단계에서 `{given}`을 어떻게 다루나요?",
            "1. 입력을 준비해요\n2. 하나씩 보면서 조건에 맞는지 살펴봐요\n3. 결과를 출력해요\n`{line}`은 몇 번째 단계에 있나요?",
            "세 부분으로 나눠 보세요.\n1) 자료를 모으는 부분\n2) 규칙을 적용하는 부분\n3) 답을 알려 주는 부분\n각 부분이 프로그램의 몇 번째 줄인지 적어 보세요.",
        ),
        False: (
            "In broad steps:\n- take in everything the problem gives you\n- look only at what decides the answer\n- show the answer in the form asked for\nWhat does your second step do with `{given}`?",
            "1. Get the input ready\n2. Go through it and check the condition\n3. Print the result\nTo which step does `{line}` belong?",
            "Cut the task in three parts:\n1) gathering the data\n2) applying the rule\n3) telling the answer\nWhich lines of your program belong to which part?",
        ),
    },
}  # fmt: skip
# Examples of another task: in words up to the plan, one line of code for the next step, a few for pseudo-code.
ANALOGOUS_WORDS = {
    True: (
        "비슷한 상황을 떠올려 보세요. 책장에서 가장 두꺼운 책을 찾는다면, 지금까지 본 책 가운데 가장 두꺼운 것을 손에 들고 다음 책과 비교하겠지요. 여기서는 무엇을 손에 들고 있어야 할까요?",
        "놀이공원에서 키를 재는 장면을 생각해 보세요. 딱 기준만큼 큰 아이는 들어갈 수 있나요? 이런 경계를 정하는 문장이 문제에도 있어요.",
        "저금통에 매일 동전을 넣는다고 해 봐요. 매일 저금통을 비우고 시작하면 마지막 날 얼마가 남을까요? 지금 프로그램과 견주어 보세요.",
        "우편함을 1번부터 차례로 열어 본다고 해 봐요. 마지막 우편함까지 열어 보나요, 아니면 하나를 빠뜨리나요?",
    ),
    False: (
        "Think of something like it: to find the thickest book on a shelf you hold the thickest one so far and compare it with the next. What would you have to hold here?",
        "Think of a height limit at a fair. May a child who is just that tall go in? The problem has a sentence that draws such a line.",
        "Suppose you put a coin in a box every day, and empty the box each morning. How much is there on the last day? Compare that with your program.",
        "Imagine opening letter boxes one after the other, beginning with number one. Do you open the last one as well?",
    ),
}  # fmt: skip
ANALOGOUS_LINES = (
    "tallest = heights[0] if heights else None", "evens = [k for k in range(2, 20, 2)]", "word = ''.join(letters[::-1])",
    "minutes, seconds = 75 // 60, 75 % 60", "ages['mina'] = ages.get('mina', 12)", "water = water * 3 // 4",
    "names.sort(key=len)", "shouted = 'hello'.upper() + '!'", "warm = temperature > 25 and not raining",
)  # fmt: skip
ANALOGOUS_BLOCKS = (
    "coins = [10, 50, 100]\nfor coin in coins:\n    box.append(coin * 2)", "letters = set('banana')\nprint(len(letters))",
    "steps = 0\nwhile steps < 10_000:\n    steps += walk()", "stack = []\nstack.append('plate')\ntop = stack.pop()",
    "birds = {'crow': 3}\nbirds['crow'] += 1", "if age >= 19:\n    ticket = 'adult'\nelse:\n    ticket = 'child'",
)  # fmt: skip
ANALOGOUS_FRAME = {
    True: "다른 문제의 예를 볼게요. {example}\n이 문제에서는 무엇이 이 역할을 할까요?",
    False: "Here is an example from another task: {example}\nWhat plays that part in yours?",
}
