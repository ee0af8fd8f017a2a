"""The models that nodes may ask: which of them a node means, and who carries the question there.

An endpoint is any server that speaks the OpenAI protocol, chosen by whoever runs this server and not by
the author of a workflow, so that the guard on authors' addresses does not concern it. Keys come from the
environment or from the server's configuration and leave this process in one header only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ..errors import NodeError
from ..expressions import quoted
from .model_client import HttpModels
from .model_types import ChatRequest, Completion, Embedded, Endpoint, ModelTransport, TextListener
from .scripted_models import SCRIPTED_PREFIX, Script, ScriptedModels

DEFAULT_ENDPOINT: Final = "default"


class Models:
    """The models that nodes may ask.

    :param endpoints: endpoints by name; the one called ``default`` is there even if it is not given.
    :param default_model: the model that is asked when a node names none.
    :param scripts: what the models answer whose name is ``scripted:`` and the name of a script.
    :param http: carries requests to endpoints, in place of the ordinary client.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint] | None = None,
        *,
        default_model: str = "",
        scripts: Mapping[str, Script] | None = None,
        http: ModelTransport | None = None,
    ) -> None:
        self._http: ModelTransport = http or HttpModels()
        self._scripted: ModelTransport = ScriptedModels(scripts or {})
        self._endpoints = {DEFAULT_ENDPOINT: Endpoint(), **(endpoints or {})}
        self._default_model = default_model

    @property
    def names(self) -> frozenset[str]:
        """The names of the endpoints."""
        return frozenset(self._endpoints)

    async def chat(
        self, request: ChatRequest, *, endpoint: str = "", on_text: TextListener | None = None
    ) -> Completion:
        """Return a model's answer.

        :param endpoint: the name of an endpoint; empty for the default one.
        :param on_text: told each piece of the text as it arrives, where the endpoint can stream.
        :raises NodeError: ``MODEL_NOT_NAMED`` and ``MODEL_ENDPOINT_UNKNOWN``; what the transport raises.
        """
        model, transport, where = self._route(request.model, endpoint)
        return await transport.chat(where, replace(request, model=model), on_text)

    async def embed(self, model: str, texts: Sequence[str], *, endpoint: str = "") -> Embedded:
        """Return one vector per text.

        :raises NodeError: as :meth:`chat` does.
        """
        model, transport, where = self._route(model, endpoint)
        return await transport.embed(where, model, texts)

    def _route(self, model: str, endpoint: str) -> tuple[str, ModelTransport, Endpoint]:
        model = model.strip() or self._default_model
        if not model:
            raise NodeError(
                "No model is named, and this server has no default model (FlowDropModels.default_model).",
                code="MODEL_NOT_NAMED",
            )
        where = self._endpoints.get(endpoint.strip() or DEFAULT_ENDPOINT)
        if where is None:
            raise NodeError(
                f"This server has no model endpoint {quoted(endpoint)}.", code="MODEL_ENDPOINT_UNKNOWN"
            )
        return model, self._scripted if model.startswith(SCRIPTED_PREFIX) else self._http, where
