"""The OpenAPI page at `/docs`, with every file from this server.

FastAPI's own page loads Swagger UI from a CDN, which our content security policy forbids. The files come from the
`fastapi-offline` package, which is only read from, never imported. Make the app with `docs_url=None, redoc_url=None`.
"""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import FileResponse, HTMLResponse

from backend.errors import NotFound

FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_CARRIER = "fastapi_offline"


def docs_router(
    title: str = "Ondol API", openapi_url: str = "/openapi.json", icon: str = "/static/favicon.svg"
) -> APIRouter:
    """`GET /docs` and the two files it needs."""
    router = APIRouter(include_in_schema=False)
    folder = swagger_folder()
    page = get_swagger_ui_html(
        openapi_url=openapi_url,
        title=title,
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url=icon,
        # The validator is a service on another host; deep links and saved tokens would outlive the visit.
        swagger_ui_parameters={"validatorUrl": None, "persistAuthorization": False, "tryItOutEnabled": True},
    ).body

    @router.get("/docs")
    async def read_docs() -> HTMLResponse:
        return HTMLResponse(bytes(page))

    @router.get("/docs/{name}")
    async def read_file(name: str) -> FileResponse:
        if name not in FILES:
            raise NotFound
        headers = {"cache-control": "private, max-age=86400"}
        return FileResponse(folder / name, media_type=FILES[name], headers=headers)

    return router


def swagger_folder() -> Path:
    """Where Swagger UI's files are installed.

    Raises:
        RuntimeError: the package that carries them is not installed.
    """
    spec = find_spec(_CARRIER)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The package fastapi-offline is not installed: pip install -r requirements-app.txt")
    return Path(spec.submodule_search_locations[0]) / "static"
