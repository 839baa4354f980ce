"""A program told one to one in words, in Korean or English, the way people write pseudo-code."""

import ast
from random import Random

_BINARY = {
    ast.Add: ("+", "더한 값", "plus"), ast.Sub: ("-", "뺀 값", "minus"), ast.Mult: ("*", "곱한 값", "times"),
    ast.Div: ("/", "나눈 값", "divided by"), ast.FloorDiv: ("//", "나눈 몫", "divided without remainder by"),
    ast.Mod: ("%", "나눈 나머지", "modulo"), ast.Pow: ("**", "거듭제곱한 값", "to the power of"),
}  # fmt: skip
_COMPARED = {
    ast.Gt: ("보다 크", "is greater than"), ast.GtE: (" 이상이", "is at least"), ast.Lt: ("보다 작", "is less than"),
    ast.LtE: (" 이하이", "is at most"), ast.Eq: ("와 같", "equals"), ast.NotEq: ("와 다르", "is not equal to"),
    ast.In: (" 안에 있", "is in"), ast.NotIn: (" 안에 없", "is not in"),
}  # fmt: skip
_CALLED = {
    "len": ("{}의 길이", "the length of {}"), "max": ("{} 중 가장 큰 값", "the largest of {}"),
    "min": ("{} 중 가장 작은 값", "the smallest of {}"), "sum": ("{}의 합", "the sum of {}"),
    "sorted": ("정렬한 {}", "{} sorted"), "abs": ("{}의 절댓값", "the absolute value of {}"), "int": ("{}", "{}"),
    "str": ("{}", "{}"), "list": ("{}", "{}"), "float": ("{}", "{}"), "set": ("{}의 집합", "the set of {}"),
}  # fmt: skip


def told(code: str, korean: bool, random: Random) -> list[str]:
    """One sentence a statement.

    Expressions are words or are kept as code, by chance and the same for a whole program.

    Raises:
        SyntaxError: the program does not parse.
    """
    return _Teller(korean, random.random() < 0.5, random.random() < 0.5).block(ast.parse(code).body, 0)


class _Teller:
    def __init__(self, korean: bool, in_words: bool, arrows: bool) -> None:
        self.korean, self.in_words, self.arrows = korean, in_words, arrows

    def say(self, korean: str, english: str) -> str:
        return korean if self.korean else english

    def block(self, body: list[ast.stmt], depth: int) -> list[str]:
        lines: list[str] = []
        for statement in body:
            lines += ["  " * depth + line for line in self.statement(statement)]
            for name in ("body", "orelse"):
                inner = getattr(statement, name, [])
                if name == "orelse" and inner:
                    lines.append("  " * depth + self.say("그렇지 않으면", "otherwise"))
                lines += self.block(inner, depth + 1)
        return lines

    def statement(self, node: ast.stmt) -> list[str]:  # noqa: PLR0911, PLR0912 - a kind of statement is a case
        say, value = self.say, self.value
        match node:
            case ast.Assign(targets=[target, *_], value=given):
                return [self.assigned(ast.unparse(target), given)]
            case ast.AugAssign(target=target, op=operator, value=given):
                name, amount = ast.unparse(target), value(given)
                if isinstance(operator, ast.Add):
                    return [say(f"{name}에 {amount}를 더한다", f"add {amount} to {name}")]
                if isinstance(operator, ast.Sub):
                    return [say(f"{name}에서 {amount}를 뺀다", f"subtract {amount} from {name}")]
                sign = _BINARY.get(type(operator), ("?", "", ""))[0]
                return [say(f"{name}을 {name} {sign} {amount}로 바꾼다", f"set {name} to {name} {sign} {amount}")]
            case ast.For(target=target, iter=ast.Call(func=ast.Name("range"), args=bounds)):
                name = ast.unparse(target)
                if len(bounds) == 1 and name == "_":
                    return [say(f"{value(bounds[0])}번 반복한다", f"repeat {value(bounds[0])} times")]
                first = value(bounds[0]) if len(bounds) > 1 else "0"
                last = value(bounds[1] if len(bounds) > 1 else bounds[0])
                return [say(f"{name}를 {first}부터 {last} 전까지 반복한다", f"for {name} from {first} up to {last}")]
            case ast.For(target=target, iter=source):
                name = ast.unparse(target)
                return [say(f"{value(source)}의 각 {name}에 대해 반복한다", f"for each {name} in {value(source)}")]
            case ast.While(test=test):
                return [say(f"{self.condition(test)}는 동안 반복한다", f"while {self.condition(test)}")]
            case ast.If(test=test):
                return [say(f"만약 {self.condition(test)}면", f"if {self.condition(test)} then")]
            case ast.Return(value=given):
                return [say(f"{value(given)}를 반환한다", f"return {value(given)}")]
            case ast.FunctionDef(name=name, args=arguments):
                taken = ", ".join(each.arg for each in arguments.args)
                return [say(f"{taken}를 받는 함수 {name}를 정의한다", f"define a function {name} of {taken}")]
            case ast.Expr(value=ast.Call(func=ast.Name("print"), args=given, keywords=[])):
                shown = ", ".join(map(value, given))
                return [say(f"{shown}를 출력한다", f"print {shown}")]
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="append"), args=[given])):
                return [
                    say(
                        f"{ast.unparse(owner)}에 {value(given)}를 추가한다",
                        f"append {value(given)} to {ast.unparse(owner)}",
                    )
                ]
            case ast.Break():
                return [say("반복을 멈춘다", "stop the loop")]
            case ast.Continue():
                return [say("다음으로 넘어간다", "go on with the next one")]
            case ast.Import() | ast.ImportFrom() | ast.Pass():
                return []
            case _:
                return [ast.unparse(node).split("\n")[0]]

    def assigned(self, name: str, given: ast.expr) -> str:
        if "input()" in ast.unparse(given) or "stdin" in ast.unparse(given):
            kind = self.say("정수 ", "an integer ") if "int" in ast.unparse(given) else ""
            return self.say(f"{kind}{name}을 입력받는다", f"read {kind}into {name}")
        if self.arrows:
            return f"{name} ← {self.value(given)}"
        return self.say(f"{name}에 {self.value(given)}를 저장한다", f"set {name} to {self.value(given)}")

    def condition(self, node: ast.expr) -> str:
        if not self.in_words:
            return ast.unparse(node) + self.say(" 이", "")
        match node:
            case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _COMPARED:
                korean, english = _COMPARED[type(operator)]
                return self.say(
                    f"{self.value(left)}가 {self.value(right)}{korean}",
                    f"{self.value(left)} {english} {self.value(right)}",
                )
            case ast.BoolOp(op=operator, values=values):
                word = self.say("고 ", " and ") if isinstance(operator, ast.And) else self.say("거나 ", " or ")
                return word.join(map(self.condition, values))
            case _:
                return ast.unparse(node) + self.say("이", "")

    def value(self, node: ast.expr | None) -> str:
        if node is None:
            return ""
        if not self.in_words:
            return ast.unparse(node)
        match node:
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _BINARY:
                _, korean, english = _BINARY[type(operator)]
                joint = (
                    "와"
                    if isinstance(operator, ast.Add | ast.Mult)
                    else ("에서" if isinstance(operator, ast.Sub) else "를")
                )
                return self.say(
                    f"{self.value(left)}{joint} {self.value(right)}{'로' if joint == '를' else '를'} {korean}",
                    f"{self.value(left)} {english} {self.value(right)}",
                )
            case ast.Call(func=ast.Name(name), args=[given], keywords=[]) if name in _CALLED:
                korean, english = _CALLED[name]
                return self.say(korean, english).format(self.value(given))
            case _:
                return ast.unparse(node)
