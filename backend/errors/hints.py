"""Problems, programs of learners, and hints."""

from backend.errors.base import OndolError, Text


class UnknownProblem(OndolError):
    code, status = "unknown_problem", 404
    what = Text("그 문제를 찾을 수 없습니다.", "That problem was not found.")
    next_step = Text("문제 목록에서 골라 주세요.", "Pick one from the list of problems.")


class UnknownProblemSet(OndolError):
    code, status = "unknown_problem_set", 404
    what = Text("그 문제 묶음을 찾을 수 없습니다.", "That set of problems was not found.")
    next_step = Text(
        "이미 지워졌을 수 있습니다. 목록에서 골라 주세요.", "It may have been removed; pick one from the list."
    )


class ProblemFileTooLarge(OndolError):
    code, status = "problem_file_too_large", 413
    what = Text(
        "문제 파일이 너무 큽니다(최대 {limit:,}바이트).", "The problem file is too large (at most {limit:,} bytes)."
    )
    next_step = Text("나누어 가져와 주세요.", "Import it in parts.")


class ProblemFileUnusable(OndolError):
    code, status = "problem_file_unusable", 422
    what = Text(
        "파일에서 쓸 수 있는 문제를 하나도 찾지 못해 아무것도 바꾸지 않았습니다. {reason}",
        "Not one problem of the file can be used, so nothing was changed. {reason}",
    )
    next_step = Text(
        "docs/hints-problems.md의 형식에 맞추어 다시 가져와 주세요.",
        "Follow the format in docs/hints-problems.md and import it again.",
    )


class SandboxUnavailable(OndolError):
    code, status = "sandbox_unavailable", 503
    what = Text(
        "이 컴퓨터에서는 프로그램을 안전하게 가두어 실행할 수 없어 실행하지 않았습니다({reason}).",
        "This machine cannot lock a program in, so it was not run ({reason}).",
    )
    next_step = Text(
        "운영자에게 알려 주세요. seccomp를 쓸 수 있는 Linux(x86_64, aarch64)가 필요합니다(docs/hints-sandbox.md).",
        "Tell the operator: it takes Linux on x86_64 or aarch64 where seccomp may be used (docs/hints-sandbox.md).",
    )


class ProgramEmpty(OndolError):
    code, status = "program_empty", 422
    what = Text("프로그램이 비어 있습니다.", "The program is empty.")
    next_step = Text("코드를 쓰고 다시 실행해 주세요.", "Write some code and run it again.")


class ProgramTooLarge(OndolError):
    code, status = "program_too_large", 413
    what = Text(
        "프로그램이 너무 깁니다({size:,}바이트, 최대 {limit:,}바이트).",
        "The program is too long ({size:,} bytes, at most {limit:,}).",
    )
    next_step = Text(
        "자료를 코드에 넣지 말고 입력으로 읽도록 줄여 주세요.",
        "Shorten it: read data from the input instead of the code.",
    )


class ProgramNotText(OndolError):
    code, status = "program_not_text", 422
    what = Text(
        "프로그램에 글자가 아닌 값이 있습니다({line}번째 줄).",
        "The program has something that is not text in line {line}.",
    )
    next_step = Text("파이썬 코드를 UTF-8 글자로 보내 주세요.", "Send Python code as UTF-8 text.")


class UnknownHint(OndolError):
    code, status = "unknown_hint", 404
    what = Text("그 힌트를 찾을 수 없습니다.", "That hint was not found.")
    next_step = Text("기록에서 골라 주세요.", "Pick one from your history.")


class TooManyHints(OndolError):
    code, status = "too_many_hints", 429
    what = Text("힌트 {limit}개를 이미 만들고 있습니다.", "{limit} hints are already being made for you.")
    next_step = Text(
        "하나가 끝나거나 취소한 뒤에 다시 눌러 주세요.", "Wait for one to end, or cancel it, then ask again."
    )
    retry_after_s = 10


class NothingToCompare(OndolError):
    code, status = "nothing_to_compare", 422
    what = Text("모델을 2개에서 {limit}개까지 견줄 수 있습니다.", "Two to {limit} models can be compared.")
    next_step = Text("모델을 다시 골라 주세요.", "Choose the models again.")
