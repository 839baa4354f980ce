"""Which language a request is answered in."""

from starlette.requests import Request

from backend.accounts.identity import Identity
from backend.errors import Language

LANGUAGE_COOKIE = "ondol_lang"


def language_of(request: Request) -> Language:
    """The account's language if the person is known and chose one, then the cookie's, then the browser's, then English.

    Asks nobody who the person is: it uses what `identity_of` found for this request, if it was called.
    """
    identity = getattr(request.state, "identity", None)
    if isinstance(identity, Identity) and identity.language is not None:
        return identity.language
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in {language.value for language in Language}:
        return Language(chosen)
    return accepted(request.headers.get("accept-language", ""))


def accepted(header: str) -> Language:
    """The language an `Accept-Language` header likes best among ours; English when it names none of them."""
    best, best_quality = Language.EN, 0.0
    for part in header[:1000].split(","):
        tag, _, parameters = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        quality = _quality(parameters)
        if quality > best_quality and primary in {language.value for language in Language}:
            best, best_quality = Language(primary), quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
