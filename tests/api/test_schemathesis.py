"""What the description says is what the server does: every operation, with all of schemathesis' checks."""

from __future__ import annotations

from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from server_process import TOKEN, ServerProcess

from flowdrop_jupyter.server.openapi import openapi_document

schema = schemathesis.openapi.from_dict(
    openapi_document("/"), config=SchemathesisConfig.from_path(Path(__file__).with_name("schemathesis.toml"))
)


@schema.auth()
class Token:
    """The server's token, for every request but those that try to do without."""

    def get(self, case: schemathesis.Case, context: schemathesis.AuthContext) -> str:
        return f"token {TOKEN}"

    def set(self, case: schemathesis.Case, data: str, context: schemathesis.AuthContext) -> None:
        case.headers["Authorization"] = data


@schema.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_server_keeps_to_its_description(case: schemathesis.Case, server: ServerProcess) -> None:
    case.call_and_validate(base_url=server.url.rstrip("/"))
