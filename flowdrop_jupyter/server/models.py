"""Language models as configuration of the Jupyter server: ``c.FlowDropModels.default_model = "…"``.

Keys given here stay in this process; better is to leave them in the environment of the server, where they
are by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from traitlets import Bool, Dict, Enum, Float, Int, TraitError, Unicode, validate
from traitlets.config import Configurable

from ..nodes import Endpoint, Models
from ..nodes.models import DEFAULT_ENDPOINT

_FIELDS: Final = frozenset(Endpoint.__dataclass_fields__)
_KINDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "base_url": str,
    "api_key": str,
    "key_variable": str,
    "timeout_seconds": (int, float),
    "retries": int,
    "streams": bool,
    "token_limit": str,
}


class FlowDropModels(Configurable):
    """Where language models are, and which one is asked when a node names none.

    Endpoints are servers that speak the OpenAI protocol. They may be on this machine: whoever writes this
    configuration chose them, not whoever writes a workflow.
    """

    default_model = Unicode(help="The model that is asked when a node names none.").tag(config=True)
    base_url = Unicode(
        help="The address of the default endpoint, such as `http://127.0.0.1:11434/v1`. Empty for the one in"
        " the variable OPENAI_BASE_URL, or else OpenAI's own."
    ).tag(config=True)
    api_key = Unicode(help="The key of the default endpoint, in place of one in the environment.").tag(
        config=True
    )
    key_variable = Unicode(
        "OPENAI_API_KEY", help="The variable of the environment that holds the default endpoint's key."
    ).tag(config=True)
    timeout_seconds = Float(120.0, help="How long one attempt at an answer may take, in seconds.").tag(
        config=True
    )
    retries = Int(2, min=0, max=10, help="How often an endpoint that is busy is asked again.").tag(
        config=True
    )
    streams = Bool(True, help="Whether the default endpoint can send a text while it writes it.").tag(
        config=True
    )
    token_limit = Enum(
        ["max_tokens", "max_completion_tokens"],
        default_value="max_tokens",
        help="What the default endpoint calls the limit of tokens in an answer.",
    ).tag(config=True)
    endpoints = Dict(
        help="More endpoints by name, each an object of `base_url`, `api_key`, `key_variable`,"
        " `timeout_seconds`, `retries`, `streams` and `token_limit`; what is left out is as above, except"
        " the key: one is read only from the variable that the endpoint itself names."
    ).tag(config=True)
    scripts = Dict(
        help="What the models `scripted:<name>` answer, by name: a list of texts to say and of"
        " `{'tool': name, 'arguments': {…}}`, calls to ask for."
    ).tag(config=True)

    @validate("timeout_seconds")
    def _positive(self, proposal: Mapping[str, Any]) -> float:
        if not proposal["value"] > 0:
            raise TraitError("FlowDropModels.timeout_seconds has to be more than 0.")
        return float(proposal["value"])

    @validate("endpoints")
    def _known(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
        for name, given in proposal["value"].items():
            where = f"FlowDropModels.endpoints[{name!r}]"
            if not isinstance(given, Mapping) or not given.get("base_url"):
                raise TraitError(f"{where} has to be an object with a base_url.")
            for key, value in given.items():
                # The value is not told: it may be a key.
                if key not in _FIELDS:
                    raise TraitError(f"{where} has no {key!r}.")
                if not isinstance(value, _KINDS[key]):
                    raise TraitError(f"{where}: {key!r} has the wrong type.")
            if given.get("token_limit", "max_tokens") not in ("max_tokens", "max_completion_tokens"):
                raise TraitError(f"{where}: there is no such token_limit.")
            if given.get("timeout_seconds", 1) <= 0 or given.get("retries", 0) < 0:
                raise TraitError(f"{where}: timeout_seconds has to be more than 0, and retries not less.")
        return dict(proposal["value"])

    @validate("scripts")
    def _spoken(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
        for name, script in proposal["value"].items():
            steps = script if isinstance(script, list | tuple) else []
            if not steps or not all(isinstance(step, str | Mapping) for step in steps):
                raise TraitError(f"FlowDropModels.scripts[{name!r}] has to be a list of texts and objects.")
        return dict(proposal["value"])

    def models(self) -> Models:
        """Return the models as nodes ask them."""
        shared: dict[str, Any] = {
            "timeout_seconds": self.timeout_seconds,
            "retries": self.retries,
            "streams": self.streams,
            "token_limit": self.token_limit,
        }
        default = Endpoint(
            base_url=self.base_url, api_key=self.api_key, key_variable=self.key_variable, **shared
        )
        more = {
            name: Endpoint(**{"key_variable": "", **shared, **given})
            for name, given in self.endpoints.items()
        }
        return Models(
            {DEFAULT_ENDPOINT: default, **more}, default_model=self.default_model, scripts=self.scripts
        )
