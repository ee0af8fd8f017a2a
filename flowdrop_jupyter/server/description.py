"""The route of the API's own description."""

from __future__ import annotations

from typing import Final

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from .handlers import WORKFLOW, FlowDropHandler, answers
from .openapi import openapi_document


class OpenApiHandler(FlowDropHandler):
    """``/openapi.json``: the generated OpenAPI document, bare as its readers expect it."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        document = openapi_document(self.settings["base_url"])
        self.finish(msgspec.json.encode(document), set_content_type="application/json")


ROUTES: Final = [(r"openapi\.json", OpenApiHandler)]
