"""Reviews that somebody waits for: what one provider has found stays when another goes on."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from backend.sentiment.analysts import Analyst
from backend.sentiment.aspects import AspectFinding
from backend.sentiment.labels import LABELS, Finding, Label, Review
from backend.sentiment.prompt import Profile


@dataclass(frozen=True)
class Analysis:
    """Results of some reviews, in their order, with what they sum up to.

    Attributes:
        aspects: of each review, in the order of the findings.
        counts: labels of the reviews that have one.
        model: what classified them, the last where another took over.
        hosted: reviews were sent to a hosted provider.
        processing_time: seconds.
    """

    findings: Sequence[Finding]
    aspects: Sequence[Sequence[AspectFinding]]
    counts: dict[Label, int]
    failed: int
    model: str
    hosted: bool
    processing_time: float


class OpenRequest:
    """Some reviews that are classified now, step by step."""

    def __init__(self, profile: Profile, reviews: Sequence[Review], names: Sequence[str]) -> None:
        self._profile, self._reviews, self._names = profile, reviews, names
        self._findings: list[Finding] = []  # of as many reviews as are done
        self._aspects: Sequence[Sequence[AspectFinding]] = [()] * len(reviews)
        self._model = ""
        self._hosted = False

    def analysis(self, processing_time: float) -> Analysis:
        """What is found when every review has been classified; the aspects may be still to come."""
        counts = {label: sum(finding.label is label for finding in self._findings) for label in LABELS}
        return Analysis(
            findings=self._findings,
            aspects=self._aspects,
            counts=counts,
            failed=len(self._findings) - sum(counts.values()),
            model=self._model,
            hosted=self._hosted,
            processing_time=processing_time,
        )

    async def classify(self, analyst: Analyst, within_s: float) -> None:
        """Goes on with what has no label yet. Raises what the classifier raises when the model does not answer."""
        self._hosted = self._hosted or analyst.hosted
        left = self._reviews[len(self._findings) :]
        async with aclosing(analyst.classifier.classify(left, self._profile, deadline_s=within_s)) as found:
            async for finding in found:
                self._findings.append(finding)
        self._model = analyst.classifier.model

    async def find_aspects(self, analyst: Analyst, within_s: float) -> None:
        """Of the reviews that have a label; what is not found in time is left out. Raises as `classify`."""
        self._hosted = self._hosted or analyst.hosted
        pairs = zip(self._reviews, self._findings, strict=True)
        texts = [review.text if finding.label else "" for review, finding in pairs]
        self._aspects = await analyst.finder.find(texts, self._names, deadline_s=max(0.0, within_s))
