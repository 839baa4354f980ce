"""Each person's own instruction and examples, and the corrections that become examples."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from backend.errors import InvalidRequest, Text, UnknownReview, UnknownSentimentJob
from backend.sentiment.labels import LABELS, Label
from backend.sentiment.language import language_of
from backend.sentiment.prompt import FALLBACK, Example, LanguagePrompt, Profile
from backend.sentiment.reading.values import clean
from backend.store.database import Database
from backend.store.models import SentimentJob, SentimentProfile

MAX_EXAMPLES = 8
MAX_INSTRUCTION_CHARACTERS = 2000
MAX_EXAMPLE_CHARACTERS = 300
Stored = dict[str, Any]
"""An example as it is kept: `text`, `label`, and `job` and `position` where it was a correction."""


class Profiles:
    """Instructions and examples of everyone, on top of the built-in ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def profile_of(self, user_id: UUID, language: str | None = None) -> Profile:
        """What is asked for a person; with `language` every review is asked about with that language's prompt."""
        async with self._database.session() as session:
            profile = _profile(await _own(session, user_id))
        if language is None:
            return profile
        return Profile({FALLBACK: profile.prompts[profile.language_for(language)]})

    async def profile_of_job(self, job_id: UUID) -> Profile:
        """What is asked for a job's owner, in the language the job asks for. Raises UnknownSentimentJob."""
        async with self._database.session() as session:
            job = await session.get(SentimentJob, job_id)
        if job is None:
            raise UnknownSentimentJob
        return await self.profile_of(job.user_id, job.options.get("language"))

    async def save(self, user_id: UUID, language: str, instruction: str, examples: Sequence[Example]) -> None:
        """Keeps an instruction ("": the built-in one) and examples.

        Raises:
            InvalidRequest: the instruction is too long or does not name the labels, or there are too many examples.
        """
        words = clean(instruction)
        if len(words) > MAX_INSTRUCTION_CHARACTERS or len(examples) > 2 * MAX_EXAMPLES:
            raise InvalidRequest(reason=_TOO_LONG)
        if words and not all(label.value in words for label in LABELS):
            raise InvalidRequest(reason=_LABELS_MISSING)
        kept = _stored(Example(_cut(example.text), example.label) for example in examples)
        async with self._database.session() as session:
            await _put(session, user_id, language, instruction=words, examples=kept)

    async def reset(self, user_id: UUID, language: str) -> None:
        """Goes back to what is built in."""
        async with self._database.session() as session:
            await session.execute(
                delete(SentimentProfile).where(
                    SentimentProfile.user_id == user_id, SentimentProfile.language == language
                )
            )

    async def correct(self, user_id: UUID, job_id: UUID, position: int, label: Label | None) -> None:
        """Sets the label of a review and of those that say the same by hand, and makes it an example; None takes all
        of it back.

        Raises:
            UnknownReview: the job is not the person's, or there is no such review in it, or it has no result yet.
        """
        async with self._database.session() as session:
            await session.execute(_ONE_AT_A_TIME, {"user": str(user_id)})
            where = {"job": job_id, "position": position, "user": user_id, "label": label}
            row = (await session.execute(_CORRECT, where)).first()
            if row is None:
                raise UnknownReview
            await _exemplify(session, user_id, row, {"job": str(job_id), "position": row.first}, label)


async def _exemplify(session: AsyncSession, user_id: UUID, row: Row[Any], place: Stored, label: Label | None) -> None:
    """Makes a review an example of the prompt that it was asked about with, in the place of an earlier one of it."""
    own = {stored.language: stored for stored in await _own(session, user_id)}
    profile = _profile(own.values())
    language = profile.language_for(row.asked_in or language_of(row.text))
    for name in {language, *own}:
        stored = own.get(name)
        examples = stored.examples if stored is not None else _stored(profile.prompts[name].examples)
        kept = [each for each in examples if {**each, **place} != each]
        if label is not None and name == language:
            kept = balanced([*kept, {"text": _cut(row.text), "label": label.value, **place}])
        if kept != examples:
            await _put(session, user_id, name, instruction=stored.instruction if stored else "", examples=kept)


def balanced(examples: Sequence[Stored], most: int = MAX_EXAMPLES) -> list[Stored]:
    """The newest (last) examples: as long as there are too many, the oldest of the label that has most goes."""
    kept = list(examples)
    while len(kept) > most:
        counts = Counter(each["label"] for each in kept)
        fullest = max(counts.values())
        kept.remove(next(each for each in kept if counts[each["label"]] == fullest))
    return kept


async def _put(session: AsyncSession, user_id: UUID, language: str, **values: Any) -> None:
    statement = insert(SentimentProfile).values(user_id=user_id, language=language, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[SentimentProfile.user_id, SentimentProfile.language],
            set_={**values, "updated_at": func.now()},
        )
    )


async def _own(session: AsyncSession, user_id: UUID) -> Sequence[SentimentProfile]:
    return (await session.scalars(select(SentimentProfile).where(SentimentProfile.user_id == user_id))).all()


def _profile(own: Iterable[SentimentProfile]) -> Profile:
    profile = Profile()
    for row in own:
        profile = profile.with_prompt(row.language, _prompt(profile, row))
    return profile


def _stored(examples: Iterable[Example]) -> list[Stored]:
    return [{"text": each.text, "label": each.label.value} for each in examples]


def _prompt(built_in: Profile, row: SentimentProfile) -> LanguagePrompt:
    base = built_in.prompts[built_in.language_for(row.language)]
    examples = tuple(Example(each["text"], Label(each["label"])) for each in row.examples)
    return LanguagePrompt(row.instruction or base.instruction, examples)


def _cut(text: str) -> str:
    return " ".join(clean(text).split())[:MAX_EXAMPLE_CHARACTERS]


# Reviews that say the same are in one chunk, by which they are found without a look at all of the job.
_CORRECT = text("""
    WITH said AS (
        SELECT r.chunk, coalesce(r.duplicate_of, r.position) AS first, r.text,
            coalesce(j.options ->> 'language', r.language) AS asked_in
        FROM sentiment_rows r JOIN sentiment_jobs j ON j.id = r.job_id
        WHERE r.job_id = :job AND r.position = :position AND j.user_id = :user AND NOT r.is_skipped
            AND (r.label IS NOT NULL OR r.error_code IS NOT NULL)
    )
    UPDATE sentiment_rows r SET corrected_label = :label
    FROM said
    WHERE r.job_id = :job AND r.chunk = said.chunk AND coalesce(r.duplicate_of, r.position) = said.first
    RETURNING said.first, said.text, said.asked_in""")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('sentiment profile ' || :user, 0))")
_TOO_LONG = Text(
    f"지시문은 {MAX_INSTRUCTION_CHARACTERS}자, 예시는 {2 * MAX_EXAMPLES}개까지입니다",
    f"an instruction has at most {MAX_INSTRUCTION_CHARACTERS} characters and {2 * MAX_EXAMPLES} examples",
)
_LABELS_MISSING = Text(
    "지시문에 positive, negative, neutral이 모두 있어야 합니다",
    "the instruction must name positive, negative and neutral",
)
