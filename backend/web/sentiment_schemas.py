"""What the API of sentiment takes and gives: the schemas of its OpenAPI page."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from backend.sentiment.labels import Label
from backend.sentiment.reading.values import stars_of
from backend.web.chat_schemas import Line

LanguageCode = Annotated[str, Field(pattern="^[a-z]{2,3}$", description="Asks with the prompt of this language.")]
Aspects = Annotated[list[Line], Field(max_length=30, description="Aspects to be asked about.")]


def _words(value: object) -> str:
    """A field of somebody's record as text that can be stored and answered; "" for what is none."""
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).encode("utf-8", "replace").decode()


def _stars(value: object) -> float | None:
    return stars_of(_words(value))


_TEXT_OR_NUMBER = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}
Name = Annotated[str, BeforeValidator(_words), WithJsonSchema(_TEXT_OR_NUMBER)]


class ReviewIn(BaseModel):
    """A review. Fields that are not known are passed over, and one that makes no sense counts as left out, so that
    records can be sent as they are. Without `content` the review has an error, and the others go through. A string
    stands for a review with that content."""

    id: Name = Field("", description="Your own name for it; need not be unique.")
    content: Name = Field("", description="At most 400,000 characters.")
    restaurant_id: Name = ""
    written_at: Name = Field("", description="A day, as people write it.")
    rating: Annotated[float | None, BeforeValidator(_stars)] = Field(None, description="Stars, 0 to 5.")

    @model_validator(mode="before")
    @classmethod
    def _of_anything(cls, value: object) -> object:
        if isinstance(value, str):
            return {"content": value}
        return value if isinstance(value, dict | cls) else {}


class AnalyzeRequest(BaseModel):
    """Up to 1,000 reviews to be classified at once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"restaurant_id": "r1", "reviews": [{"id": "1", "content": "국물이 진하고 친절했어요"}]}]
        }
    )

    restaurant_id: Name = Field("", description="Of the reviews that name none.")
    reviews: list[ReviewIn] = Field(min_length=1)
    language: LanguageCode | None = None
    aspects: Aspects = []


class FoundAspect(BaseModel):
    """What a review says about an aspect. `evidence` is a part of the review."""

    model_config = ConfigDict(from_attributes=True)

    aspect: str
    polarity: Literal["positive", "negative", "neutral", "mixed"]
    evidence: str


class AnalyzedReview(BaseModel):
    """A review's result. `index` is its place in the request; `error` says why there is no label. `mixed`: it praises
    one aspect and blames another. `measured`: the model told how sure it is; otherwise there are no `scores` and no
    `confidence`. `cut`: it was too long, and only its beginning and its end were read."""

    id: str
    restaurant_id: str
    index: int
    label: Label | None
    scores: dict[Label, float]
    confidence: float | None
    measured: bool
    cut: bool
    language: str
    aspects: list[FoundAspect]
    mixed: bool
    duplicate_of: int | None
    error: dict[str, str] | None


class AnalyzeAnswer(BaseModel):
    """Results in the order of the request, and their sums over the reviews that have a label."""

    results: list[AnalyzedReview]
    positive: int
    negative: int
    neutral: int
    ratios: dict[Label, float]
    failed: int
    model: str
    hosted: bool = Field(description="Reviews were sent to a hosted provider.")
    processing_time: float = Field(description="Seconds.")


class MappingModel(BaseModel):
    """Names of the columns."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    text: str = ""
    id: str | None = None
    restaurant: str | None = None
    date: str | None = None
    rating: str | None = None


class ShapeView(BaseModel):
    """How a file would be read. `row_count` is an estimate for text files."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    encoding: str
    delimiter: str
    header_row: int | None
    columns: list[str]
    row_count: int
    preview: list[list[str]]
    mapping: MappingModel


class NewSentimentJob(BaseModel):
    """A job of reviews that are sent along; files are sent as `multipart/form-data`."""

    name: Line = Field("reviews", min_length=1, max_length=200)
    restaurant_id: Name = Field("", description="Of the reviews that name none.")
    reviews: list[ReviewIn] = Field(min_length=1)
    language: LanguageCode | None = None
    aspects: Aspects = []


class SentimentJobView(BaseModel):
    """A job. `state`: queued, running, paused, finished, failed, cancelled; `stage`: what an open one does."""

    id: UUID
    name: str
    state: str
    stage: Literal["reading_file", "classifying", "waiting_for_model"] | None
    progress: float = Field(description="0 to 1.")
    rows: int
    done: int
    failed: int
    skipped: int
    duplicates: int
    rate: float | None = Field(description="Reviews a second.")
    eta_s: float | None = Field(description="Seconds.")
    model: str
    hosted: bool = Field(description="Reviews were sent to a hosted provider.")
    mapping: MappingModel
    options: dict[str, Any]
    error: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


class TotalsView(BaseModel):
    """What a job has found by now. A correction goes before the model's label."""

    counts: dict[Label, int]
    ratios: dict[Label, float]
    failed: int
    corrected: int
    mixed: int
    unmeasured: int = Field(description="Reviews with a label of which the model did not tell how sure it is.")
    histogram: dict[Label, list[int]]
    step: Literal["day", "week", "month"]
    trend: list["GroupView"]
    restaurants: list["GroupView"]
    telling: dict[Label, list["TellingView"]]
    stars: "StarsView"
    aspects: list["AspectView"]

    model_config = ConfigDict(from_attributes=True)


class GroupView(BaseModel):
    """Labels of one restaurant, or of the time that begins at `name`."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    counts: dict[Label, int]


class TellingView(BaseModel):
    """A review that says clearly what its label says."""

    model_config = ConfigDict(from_attributes=True)

    position: int
    text: str
    restaurant: str
    confidence: float


class StarsView(BaseModel):
    """Labels of reviews with 1–2 (`low`), 3 and 4–5 stars."""

    model_config = ConfigDict(from_attributes=True)

    table: dict[str, dict[Label, int]]
    compared: int
    contradictions: int


class AspectView(BaseModel):
    """How often an aspect is spoken of, and how."""

    model_config = ConfigDict(from_attributes=True)

    aspect: str
    positive: int
    negative: int
    mixed: int
    neutral: int


class Correction(BaseModel):
    """A label by hand; null takes it back."""

    model_config = ConfigDict(extra="forbid")

    label: Label | None


class ReviewView(BaseModel):
    """A review of a job with its result. `measured` and `cut` as in `AnalyzedReview`."""

    position: int
    id: str
    restaurant: str
    written_at: date | None
    rating: float | None
    text: str
    label: Label | None
    scores: dict[Label, float] | None
    confidence: float | None
    measured: bool
    cut: bool
    language: str | None
    corrected: bool
    model_label: Label | None
    duplicate_of: int | None
    mixed: bool
    aspects: list[dict[str, str]]
    skipped: bool
    error: dict[str, str] | None
