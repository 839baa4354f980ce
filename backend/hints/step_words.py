"""The words, Korean and English, by which sentences tell what a line of code does."""

import re

KINDS = {
    "INPUT": r"입력|읽|받아|받는|받습|받고|\binput|\bread|receiv|\btake\b|\bget\b|\bscan",
    "OUTPUT": r"출력|표시|보여|찍|프린트|\bprint|\boutput|display|\bshow|\bwrite",
    "STORE": r"저장|넣|담|대입|할당|둔다|두고|둡니다|두세요|둬|놓|초기화|변수|설정|정한|만든|만들|(?<![=!<>])=(?!=)|\bset\b|assign|\bstor|\blet\b"
    r"|\bsav|\bput|initiali|\bbecome|\bcreate|\bmake\b|\bkeep|\bcall it|\binto\b|\bas\b",
    "LOOP": r"반복|동안|각각|각 |마다|하나씩|모든|순회|돌면|돌아|돌며|돌린|차례로|for each|for every|for all|\bfor\b|loop|repeat|while|iterat|\beach|every|times"
    r"|going? through|until",
    "IF": r"만약|만일|이면|라면|하면|경우|조건|다면|으면|때|\bif\b|\bwhen|\bcheck|whether|\bcase\b|unless",
    "ELSE": r"그렇지 않|아니면|아니라면|그 외|그 밖|나머지 경우|otherwise|\belse|other cases",
    "RETURN": r"반환|돌려|리턴|\breturn|give back|\bresult",
    "DEF": r"함수|정의|function|\bdefin|\bdef\b|procedure",
    "BREAK": r"멈추|종료|중단|끝내|빠져나|탈출|break|\bstop|\bexit|leave",
    "CONTINUE": r"건너|넘어|continue|\bskip|next iteration|go on",
}
OPERATOR_WORDS = {
    "+": r"\+|더하|더해|더한|덧셈|합|증가|늘[리려]|올[리려린]|이어|붙|plus|\badd|\bsum|increas|increment|concat|\bup by",
    "-": r"(?<=[\w)\]]) - (?=[\w(])|(?<=[\w)\]])-(?=[\d(\[])|(?<=[\w)\]])-(?=[a-z]\b)|빼|뺀|뺄|차이|차를|감소|줄[이여]|minus|subtract|decreas|decrement|differ|down by",
    "*": r"\*|곱|배|multipl|product|\btimes",
    "/": r"/|나누|나눈|나눠|divid|\bover\b|quotient|몫",
    "//": r"//|몫|나누|나눈|나눠|quotient|divid|floor",
    "%": r"%|나머지|나누어떨어|나눠떨어|나누어 떨어|배수|짝수|홀수|remainder|\bmod|divisible|multiple|\beven|\bodd",
    "**": r"\*\*|\^|제곱|거듭|power|squar",
    "<": r"<(?!=)|작|미만|\bless|small|below|under|fewer|before|lower",
    ">": r"(?<![-=])>(?!=)|크|큰|초과|많|greater|larg|\bmore|bigger|exceed|above|\bover\b|higher|after",
    "<=": r"<=|이하|작거나 같|at most|not greater|no more|not more|up to|less than or equal|does not exceed",
    ">=": r">=|이상|크거나 같|at least|not less|no less|greater than or equal|or more",
    "==": r"==|같|동일|일치|equal|\bsame|match|(?<![=!<>])=(?!=)|\bis (?=\d|[\"'`]|exactly|true|false|none)",
    "!=": r"!=|<>|다르|다른|같지 않|아니|아닌|not equal|differ|not the same|isn't|is not",
    "and": r"\band\b|&|그리고|이고|면서|모두|동시에|\bboth",
    "or": r"\bor\b|\||또는|이거나|거나|either",
    "not": r"\bnot\b|!|아니|아닌|않|없",
    "in": r"\bin\b|포함|속|있|안에|들어|contain|among|present|appear",
}
FUNCTIONS = {
    "max": r"최대|최댓|가장 큰|가장 높|가장 많|\bmax|larg|highest|greatest|biggest|\bmost",
    "min": r"최소|최솟|가장 작|가장 낮|가장 적|\bmin|small|lowest|least|fewest",
    "sorted": r"정렬|순서대로|sort|\border",
    "len": r"길이|개수|갯수|크기|length|\bsize|number of|how many|\blen\b|\bcount",
    "sum": r"합|총|\bsum|total",
    "abs": r"절댓값|절대값|\babs",
    ".append": r"추가|덧붙|붙|넣|담|append|\badd|push|\bput",
    ".add": r"추가|넣|담|\badd|\bput",
    ".pop": r"꺼내|빼|제거|\bpop|remov|\btake",
    ".split": r"나누|나눠|나눈|공백|분리|쪼개|split|separat|space",
    ".join": r"이어|합쳐|연결|붙|join|concat|connect",
    ".count": r"개수|갯수|세|count|how many|number of",
    ".index": r"위치|번호|찾|index|position|\bfind|where",
    ".find": r"위치|찾|index|position|\bfind",
    ".replace": r"바꾸|바꿔|치환|replac",
    ".upper": r"대문자|upper|capital",
    ".lower": r"소문자|lower",
    ".get": r"없으면|기본값|가져|\bget\b|default",
    ".items": r"쌍|키|항목|pair|item|\bkey",
    ".values": r"값|value",
    ".keys": r"키|\bkey",
    "set": r"집합|중복|\bset\b|uniq|distinct|duplicat",
    "dict": r"사전|딕셔너리|dict|\bmap\b",
    "reversed": r"뒤집|거꾸로|역순|revers|backward",
    "enumerate": r"번호|인덱스|위치|index|number|position",
    "zip": r"짝|나란히|함께|\bzip|pair|together|side by side",
    "ord": r"아스키|코드|ascii|code|\bord",
    "chr": r"문자|아스키|character|ascii|\bchr",
    "round": r"반올림|round",
    "any": r"하나라도|\bany\b",
    "all": r"모두|전부|모든|\ball\b",
    "pow": r"제곱|거듭|power",
    "divmod": r"몫|나머지|divid|quotient|remainder",
}
OBVIOUS = {
    "int": r"정수|숫자|수|\bint|number",
    "float": r"실수|소수|float|real|decimal",
    "str": r"문자열|글자|\bstr|text",
    "map": r"각각|여러|\bmap\b|each",
    "list": r"리스트|목록|배열|\blist|array",
    "range": r"부터|까지|번|\bfrom\b|\bto\b|times|range",
    ".strip": r"공백|strip|white",
    "[": r"번째|인덱스|위치|index|\bat\b|element|\[",
}  # which go without saying
CONSTANTS = {"True": r"\btrue\b|참", "False": r"\bfalse\b|거짓", "None": r"\bnone\b|없"}
WORDS = {
    feature: re.compile(words, re.IGNORECASE | re.ASCII)  # a Korean particle ends an English word
    for feature, words in {**KINDS, **OPERATOR_WORDS, **FUNCTIONS, **OBVIOUS, **CONSTANTS}.items()
}
