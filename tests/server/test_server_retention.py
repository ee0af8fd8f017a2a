"""Retention is configured with traits of the server extension."""

from __future__ import annotations

import pytest
from traitlets import TraitError
from traitlets.config import Config

from flowdrop_jupyter.server import FlowDropApp
from flowdrop_jupyter.server.retention import FlowDropRetention
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.store import RetentionPolicy


def test_nothing_is_removed_unless_configured() -> None:
    assert FlowDropRetention().policy() == RetentionPolicy()


def test_the_policy_is_what_the_configuration_says() -> None:
    config = Config(
        {
            "FlowDropRetention": {
                "max_age_days": 90,
                "max_sessions": 100,
                "max_messages_per_session": 500,
                "max_bytes": 10**9,
            }
        }
    )
    app = FlowDropApp(config=config)
    assert FlowDropRetention(parent=app).policy() == RetentionPolicy(
        max_age_days=90.0, max_sessions=100, max_messages_per_session=500, max_bytes=10**9
    )


@pytest.mark.parametrize(
    "value", [{"max_sessions": -1}, {"max_age_days": -0.5}, {"max_messages_per_session": 0}]
)
def test_a_limit_that_makes_no_sense_is_refused(value: dict[str, float]) -> None:
    with pytest.raises(TraitError):
        FlowDropRetention(**value)


def test_the_traits_are_in_the_help() -> None:
    assert FlowDropRetention in FlowDropApp.classes


class TestConfigured:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Config) -> Config:
        jp_server_config.FlowDropRetention.max_sessions = 7
        return jp_server_config

    def test_the_configuration_of_the_server_reaches_the_host(self, host: Host) -> None:
        assert host.retention == RetentionPolicy(max_sessions=7)
