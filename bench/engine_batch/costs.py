"""What a request costs a vLLM server, fitted to measurements of a real one.

Measured on vLLM 0.26 with one H200, a 7B shape, a shared prefix of 218 tokens, reviews of 27 tokens and one output
token, in reviews/s with one API server: one chat at a time 35, chats with `choice` from aiohttp with 256 in flight 577,
chat batches of 64 with `choice` 736, the same with `allowed_token_ids` 842, completions with 256 prompts of ids 1,850.
More API servers made all but the first faster, so the API server's Python was the limit. From this follow, per review:

    ids         sequence                                       = 1/1850 s          -> sequence     .54 ms
    chat batch  sequence + conversation                        = 1/842 s           -> conversation .65 ms
    … choice    sequence + conversation + grammar              = 1/736 s           -> grammar      .17 ms
    chat        sequence + conversation + grammar + request    = 1/577 s           -> request      .37 ms
    one         all this + latency + step + the client itself  = 1/35 s            -> latency + step 22 ms

AsyncOpenAI with 128 in flight reached 358, below the 577 that the same requests got from aiohttp: there the client was
the limit, so its figure is not put in here but comes from the client that is measured.

The tokenizer runs in a thread of its own beside the API server's Python. Its pace is that of Qwen2.5's vocabulary in
the `tokenizers` library on one core: 1.0 µs for a token of a text by itself, .8 in a joined one, 1.2 in whole prompts.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """Seconds.

    Attributes:
        request: of the API server's Python, for each HTTP request.
        conversation: the same, for rendering a chat and building its answer.
        grammar: the same, for each output held to a grammar.
        sequence: the same, for each prompt: to the engine and back.
        token: of the tokenizer's thread, for each token that comes as text.
        latency: spent by each prompt on its way, without holding up others.
        step, step_sequence: of the model, for each step and each sequence in it.
    """

    request: float
    conversation: float
    grammar: float
    sequence: float
    token: float
    latency: float
    step: float
    step_sequence: float


MEASURED = Costs(
    request=0.37e-3,
    conversation=0.65e-3,
    grammar=0.17e-3,
    sequence=0.54e-3,
    token=1.2e-6,
    latency=8e-3,
    step=14e-3,
    step_sequence=0.05e-3,
)
FREE = Costs(0, 0, 0, 0, 0, 0, 1e-3, 0)


class Worker:
    """Something that does one thing at a time, as a process on a core of its own.

    It does not burn a core: the engine of a real client runs on another machine, and here a burnt core would be taken
    from the client that is measured. `book` tells when work that is handed over now will be done.
    """

    def __init__(self) -> None:
        self._free_at = 0.0

    def book(self, now: float, seconds: float) -> float:
        self._free_at = max(now, self._free_at) + seconds
        return self._free_at
