"""Who is at the page: every handler asks here first, because any handler can be called by its number."""

from dataclasses import dataclass

import gradio as gr

from backend.accounts.identity import Identity
from backend.accounts.service import Accounts
from backend.errors import Language, NotAllowed, NotSignedIn, OndolError
from backend.web.identity import SESSION_COOKIE
from backend.web.language import LANGUAGE_COOKIE, accepted


@dataclass(frozen=True)
class Visitor:
    """A signed-in person and the language they read."""

    identity: Identity
    language: Language


class Doorkeeper:
    """Turns a Gradio request into a visitor, with the role in force at this moment."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def visitor(self, request: gr.Request) -> Visitor:
        """Raises gr.Error, in the reader's language, when nobody is signed in."""
        language = language_of_cookies(request)
        try:
            cookie = request.cookies.get(SESSION_COOKIE, "")
            identity = await self._accounts.identify_session(cookie) if cookie else None
            if identity is None:
                raise NotSignedIn
        except OndolError as error:
            raise told(error, language) from error
        return Visitor(identity, identity.language or language)

    async def admin(self, request: gr.Request) -> Visitor:
        """Raises gr.Error when the visitor is no admin."""
        found = await self.visitor(request)
        if not found.identity.is_admin:
            raise told(NotAllowed(), found.language)
        return found


def told(error: OndolError, language: Language) -> gr.Error:
    """The error as a notice of the page."""
    return gr.Error(error.message(language), print_exception=False)


def language_of_cookies(request: gr.Request) -> Language:
    """The language of somebody not yet known: the cookie's, then the browser's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in set(Language):
        return Language(chosen)
    return accepted(request.headers.get("accept-language", ""))
