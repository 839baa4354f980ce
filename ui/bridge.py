"""What a button of ours asks for: `static/ondol.js` writes it into a hidden box and presses a hidden button.

Gradio's own ways to run script in the page evaluate strings, which the content security policy forbids.
"""

import json
from typing import Any


def parsed(message: str) -> dict[str, Any]:
    """`{do, id, arg, text}` of a message; one that is none asks for nothing and is refused by name."""
    try:
        wish = json.loads(message)
    except (TypeError, ValueError):
        wish = {}
    wish = wish if isinstance(wish, dict) else {}
    return {"do": str(wish.get("do", "")), **{key: wish.get(key, "") for key in ("id", "arg", "text")}}
