"""llama.cpp's own way: the labels' tokens are favoured so strongly that nothing else is left, and told with
their probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.llm.labels.client import Broken, EngineClient
from backend.llm.labels.prompts import Head, NoLabel, Prompt, Scored

# Added to every label's logit. It is the same for all, so their proportions stay what the model made them, and
# e^100 outweighs a vocabulary of any size: after it the labels' probabilities sum to 1.
_BIAS = 100.0
_MARK = "\u2402mark\u2402"


@dataclass
class BiasedTokens:
    """`POST /completion` with `logit_bias` and `post_sampling_probs`: exactly the labels' probabilities.

    A grammar would not give them: its probabilities are those before it was applied, or, after sampling, those of
    tokens that begin a label, shared by whatever labels begin alike.
    """

    client: EngineClient
    label_ids: list[int]
    name: str = "biased_tokens"
    prompts_per_request: int = 4  # one for each slot that the server usually has
    _templates: dict[Head, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    async def prepare(cls, client: EngineClient, labels: Sequence[str]) -> "BiasedTokens | None":
        """The method for these labels, or None where their first tokens do not tell them apart."""
        ids = []
        for label in labels:
            answer = await client.post("/tokenize", {"content": label, "add_special": False})
            ids.append(answer.get("tokens") if isinstance(answer, dict) else None)
        first = [tokens[0] for tokens in ids if tokens]
        return cls(client, first) if len(set(first)) == len(labels) else None

    async def score(self, prompts: Sequence[Prompt]) -> list[Scored | NoLabel]:
        rendered = []
        for prompt in prompts:
            before, behind = await self._template(prompt.head)
            rendered.append(before + prompt.head.tail(prompt.text) + behind)
        body = {
            "prompt": rendered,
            "n_predict": 1,
            "n_probs": len(self.label_ids),
            "post_sampling_probs": True,
            "temperature": 1.0,
            "samplers": ["temperature"],  # any other would cut off the less likely labels
            "logit_bias": [[token, _BIAS] for token in self.label_ids],
            "cache_prompt": True,
        }
        answer = await self.client.post("/completion", body)
        answers = answer if isinstance(answer, list) else [answer]
        if len(answers) != len(prompts):
            raise Broken(f"{len(answers)} answers for {len(prompts)} prompts")
        try:
            return [self._read(one) for one in sorted(answers, key=lambda one: int(one.get("index", 0)))]
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise Broken("the answer has no probabilities") from error

    def _read(self, answer: dict[str, object]) -> Scored | NoLabel:
        told: dict[int, float] = {}
        probabilities = answer.get("completion_probabilities")
        if isinstance(probabilities, list) and probabilities:
            told = {entry["id"]: float(entry["prob"]) for entry in probabilities[0]["top_probs"]}
        found = [told.get(token, 0.0) for token in self.label_ids]
        total = sum(found)
        if total < 0.99:  # the bias was not applied
            return NoLabel(str(answer.get("content", ""))[:80])
        return Scored(tuple(value / total for value in found))

    async def _template(self, head: Head) -> tuple[str, str]:
        """What the engine's chat template puts before and behind a text."""
        if head not in self._templates:
            answer = await self.client.post("/apply-template", {"messages": head.with_text(_MARK)})
            prompt = str(answer.get("prompt", "")) if isinstance(answer, dict) else ""
            before, mark, behind = prompt.partition(_MARK + head.ending)
            if not mark:
                raise Broken("the template swallowed the text")
            self._templates[head] = (before, behind)
        return self._templates[head]
