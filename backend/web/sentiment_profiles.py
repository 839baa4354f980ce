"""The JSON API of a person's own instruction and examples, for reviews of one language."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from backend.accounts.identity import Identity, Scope
from backend.sentiment.labels import Label
from backend.sentiment.profiles import MAX_EXAMPLE_CHARACTERS, MAX_EXAMPLES, MAX_INSTRUCTION_CHARACTERS
from backend.sentiment.prompt import DEFAULT_PROMPTS, Example
from backend.sentiment.service import SentimentService
from backend.web.identity import require_scope
from backend.web.sentiment_schemas import LanguageCode

Reader = Annotated[Identity, Depends(require_scope(Scope.READ))]
Writer = Annotated[Identity, Depends(require_scope(Scope.CHAT))]


class ExampleModel(BaseModel):
    """A review and the label it should get."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    text: str = Field(min_length=1, max_length=MAX_EXAMPLE_CHARACTERS)
    label: Label


class ProfileIn(BaseModel):
    """What is to be asked. An empty instruction stands for the built-in one; otherwise it names the three labels."""

    model_config = ConfigDict(extra="forbid")

    instruction: str = Field("", max_length=MAX_INSTRUCTION_CHARACTERS)
    examples: list[ExampleModel] = Field([], max_length=2 * MAX_EXAMPLES)


class ProfileView(BaseModel):
    """What the model is asked about reviews of a language. `own`: it is not what is built in."""

    language: str
    instruction: str
    examples: list[ExampleModel]
    own: bool


def add_profiles(api: APIRouter, sentiment: SentimentService) -> None:
    """Routes below `/profiles`."""

    async def view(who: Identity, language: str) -> ProfileView:
        profile = await sentiment.profiles.profile_of(who.user_id)
        prompt = profile.prompts[profile.language_for(language)]
        return ProfileView(
            language=language,
            instruction=prompt.instruction,
            examples=[ExampleModel.model_validate(each) for each in prompt.examples],
            own=language in profile.prompts and prompt != DEFAULT_PROMPTS.get(language),
        )

    @api.get("/profiles/{language}")
    async def get_profile(who: Reader, language: LanguageCode) -> ProfileView:
        """Your instruction and examples for a language, or the built-in ones."""
        return await view(who, language)

    @api.put("/profiles/{language}")
    async def put_profile(who: Writer, language: LanguageCode, body: ProfileIn) -> ProfileView:
        """Replaces them, for reviews from now on."""
        examples = [Example(each.text, each.label) for each in body.examples]
        await sentiment.profiles.save(who.user_id, language, body.instruction, examples)
        return await view(who, language)

    @api.delete("/profiles/{language}", status_code=204)
    async def delete_profile(who: Writer, language: LanguageCode) -> None:
        """Goes back to what is built in."""
        await sentiment.profiles.reset(who.user_id, language)
