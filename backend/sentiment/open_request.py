"""Reviews that somebody waits for: what one provider has found stays when another goes on."""

import time
from collections.abc import Sequence
from contextlib import aclosing

from backend.sentiment.analysts import Analyst
from backend.sentiment.aspects import AspectFinding
from backend.sentiment.labels import Finding, Review
from backend.sentiment.prompt import Profile


class OpenRequest:
    """Some reviews that are classified now.

    Attributes:
        findings: in the order of the reviews, as many as are done.
        aspects: of each review that has a label.
        hosted: reviews were sent to a hosted provider.
    """

    def __init__(self, profile: Profile, reviews: Sequence[Review], names: Sequence[str]) -> None:
        self._profile, self._reviews, self._names = profile, reviews, names
        self.findings: list[Finding] = []
        self.aspects: Sequence[Sequence[AspectFinding]] = ()
        self.hosted = False

    async def answer(self, analyst: Analyst, within_s: float) -> None:
        """Goes on with what is left. Raises what the classifier raises when the model does not answer."""
        self.hosted = self.hosted or analyst.hosted
        started = time.perf_counter()
        left = self._reviews[len(self.findings) :]
        async with aclosing(analyst.classifier.classify(left, self._profile, deadline_s=within_s)) as found:
            async for finding in found:
                self.findings.append(finding)
        pairs = zip(self._reviews, self.findings, strict=True)
        texts = [review.text if finding.label else "" for review, finding in pairs]
        left_s = max(0.0, within_s - (time.perf_counter() - started))
        self.aspects = await analyst.finder.find(texts, self._names, deadline_s=left_s)
