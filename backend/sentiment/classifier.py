"""From reviews to findings: prepared, asked about in bulk, calibrated."""

import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from contextlib import aclosing

from backend.errors import EngineBusy
from backend.llm.engine import Engine
from backend.llm.labels import Head, LabelScorer, Prompt, Scored
from backend.llm.provider_stats import ProviderStats
from backend.sentiment.bulk import Bulk, Item, Outcome
from backend.sentiment.calibration import CONTENT_FREE, Calibration, built_in
from backend.sentiment.failures import EMPTY, TOO_LONG
from backend.sentiment.in_flight import InFlight
from backend.sentiment.labels import LABELS, Finding, ItemError, Review
from backend.sentiment.language import UNKNOWN, language_of
from backend.sentiment.patience import Patience, method_of
from backend.sentiment.prompt import FALLBACK, Profile, byte_budget, cut, readable
from backend.sentiment.reading.shape import MAX_RECORD_CHARACTERS
from backend.sentiment.seen import Seen, fingerprint, normalised

_WORDS = tuple(label.value for label in LABELS)
_MOST_PROMPTS = 2048  # in flight: as many as the best direct client of an H200 needs
_MOST_REQUESTS = 256
_KEPT_PRIORS = 256
_EVEN = (1 / len(LABELS),) * len(LABELS)


class Classifier:
    """Classifies reviews on one engine. Lives as long as the service; several runs may go on at once.

    Args:
        profile: the prompts, when a run brings none of its own.
        calibration: how probabilities become scores, when a run brings none of its own: one, or what gives the one
            of a model. None: the one that is built in for the model.
        stats: where requests are counted.
    """

    def __init__(
        self,
        engine: Engine,
        profile: Profile | None = None,
        calibration: Calibration | Callable[[str], Awaitable[Calibration]] | None = None,
        stats: ProviderStats | None = None,
    ) -> None:
        self._scorer = LabelScorer(engine, stats=stats)
        self._profile = profile or Profile()
        self._calibration = calibration
        self._priors: dict[tuple[str, Head], tuple[float, ...]] = {}

    @property
    def model(self) -> str:
        """What answered last; empty before the first run."""
        return self._scorer.model

    @property
    def scorer(self) -> LabelScorer:
        """What asks the engine, for other labels as well."""
        return self._scorer

    async def close(self) -> None:
        await self._scorer.close()

    async def classify(
        self,
        reviews: Iterable[Review] | AsyncIterable[Review],
        profile: Profile | None = None,
        *,
        calibration: Calibration | None = None,
        deadline_s: float | None = None,
    ) -> AsyncGenerator[Finding]:
        """Yields one finding per review, in order and in bounded memory. Closing it cancels what the engine still does.

        Args:
            deadline_s: seconds after which what is not classified yet gets the error `deadline_passed`.

        Raises:
            EngineUnavailable, EngineLoading, EngineBusy, EngineRefused: the engine as a whole, after the findings
                that were complete; the rest may be tried again.
        """
        chosen = profile or self._profile
        began = time.monotonic()
        try:
            method = await method_of(self._scorer, _WORDS, deadline_s=deadline_s)
        except TimeoutError as error:
            raise EngineBusy(provider=self._scorer.engine.provider.name) from error
        left_s = None if deadline_s is None else deadline_s - (time.monotonic() - began)
        scale = calibration or await self._calibration_of(self.model)
        batch = method.prompts_per_request
        in_flight = InFlight(min(_MOST_REQUESTS, max(1, _MOST_PROMPTS // batch)))
        patience = Patience(self._scorer, _WORDS, in_flight.overloaded)
        prepare = _Preparation(chosen, (await self._scorer.engine.require_ready()).context)
        bulk = Bulk(patience.score, batch, in_flight, Seen(len(LABELS)))
        async with aclosing(bulk.run(_prepared(reviews, prepare), deadline_s=left_s)) as items:
            async for item in items:
                yield await self._finding(item, chosen, scale)

    async def prior(self, language: str, profile: Profile | None = None) -> tuple[float, ...]:
        """What the model answers to texts without content under the prompt of a language, in the order of `LABELS`.

        Even when it tells no probabilities. Asked once for each prompt. Raises as `classify` does.
        """
        chosen = profile or self._profile
        key = self.model, chosen.prompts[language].head
        if key not in self._priors:
            texts = CONTENT_FREE.get(language, CONTENT_FREE[FALLBACK])
            outcomes: list[Outcome] = []
            method = await method_of(self._scorer, _WORDS)
            patience = Patience(self._scorer, _WORDS)
            for start in range(0, len(texts), method.prompts_per_request):
                some = texts[start : start + method.prompts_per_request]
                outcomes += await patience.score([Prompt(key[1], text) for text in some])
            told = [o.probabilities for o in outcomes if isinstance(o, Scored) and o.is_measured]
            if len(self._priors) >= _KEPT_PRIORS:
                self._priors.clear()
            means = (sum(column) / len(told) for column in zip(*told, strict=True))
            self._priors[key] = tuple(means) if told else _EVEN
        return self._priors[key]

    async def _calibration_of(self, model: str) -> Calibration:
        if self._calibration is None:
            return built_in(model)
        return self._calibration if isinstance(self._calibration, Calibration) else await self._calibration(model)

    async def _finding(self, item: Item, profile: Profile, calibration: Calibration) -> Finding:
        if not isinstance(item.outcome, Scored):
            return Finding(item.index, item.id, None, {}, None, item.language, item.duplicate_of, item.outcome)
        scores, is_measured = item.outcome.probabilities, item.outcome.is_measured
        if is_measured:
            language = profile.language_for(item.language)
            prior = await self.prior(language, profile) if calibration.context_weight else _EVEN
            scores = calibration.apply(scores, prior, language)
        best = max(range(len(LABELS)), key=scores.__getitem__)
        return Finding(
            index=item.index,
            id=item.id,
            label=LABELS[best],
            scores=dict(zip(LABELS, scores, strict=True)) if is_measured else {},
            confidence=scores[best] if is_measured else None,
            language=item.language,
            duplicate_of=item.duplicate_of,
            is_cut=item.is_cut,
        )


class _Preparation:
    """Makes items of reviews."""

    def __init__(self, profile: Profile, context: int) -> None:
        self._profile = profile
        self._heads = {language: prompt.head for language, prompt in profile.prompts.items()}
        self._budgets = {language: byte_budget(context, head) for language, head in self._heads.items()}

    def __call__(self, review: Review) -> Item:
        if len(review.text) > MAX_RECORD_CHARACTERS:
            return _unread(review, TOO_LONG)
        same = normalised(review.text)
        if not same:
            return _unread(review, EMPTY)
        text = readable(review.text)
        language = language_of(text)
        asked_in = self._profile.language_for(language)
        text, is_cut = cut(text, self._budgets[asked_in])
        return Item(review.index, review.id, language, is_cut, fingerprint(same), Prompt(self._heads[asked_in], text))


def _unread(review: Review, why: ItemError) -> Item:
    return Item(review.index, review.id, UNKNOWN, is_cut=False, key=b"", prompt=None, outcome=why)


async def _prepared(reviews: Iterable[Review] | AsyncIterable[Review], prepare: _Preparation) -> AsyncGenerator[Item]:
    if isinstance(reviews, AsyncIterable):
        async for review in reviews:
            yield prepare(review)
    else:
        for review in reviews:
            yield prepare(review)
