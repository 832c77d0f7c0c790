"""Which venues there are and where they are, under every setting."""

from __future__ import annotations

import pytest

from shared.errors import BadRequest
from shared.exchanges import registry
from shared.exchanges.base import Endpoints
from shared.settings import Settings


def test_paper_stands_at_our_own_port() -> None:
    settings = Settings.from_env({"PAPER_PORT": "4321"})

    assert registry.endpoints(settings, "gate", "paper") == Endpoints(
        "http://127.0.0.1:4321/api/v4", "ws://127.0.0.1:4321/v4/ws/usdt"
    )


@pytest.mark.parametrize("environment", ["paper", "testnet", "live"])
def test_an_address_in_the_settings_counts_in_every_environment(environment: str) -> None:
    said = {"GATE_REST_URL": "http://127.0.0.1:9/api/v4", "GATE_WS_URL": "ws://127.0.0.1:9/v4/ws/usdt"}

    found = registry.endpoints(Settings.from_env(said), "gate", environment)

    assert found == Endpoints(said["GATE_REST_URL"], said["GATE_WS_URL"])


def test_a_venue_with_several_sockets_has_them_all_where_the_setting_says() -> None:
    said = {"OKX_REST_URL": "http://127.0.0.1:9", "OKX_WS_URL": "ws://127.0.0.1:9/ws/v5"}

    found = registry.endpoints(Settings.from_env(said), "okx", "live")

    assert (found.rest_url, found.ws_url) == ("http://127.0.0.1:9", "ws://127.0.0.1:9/ws/v5/private")
    assert found.more_ws_urls == ("ws://127.0.0.1:9/ws/v5/business",)
    at_paper = registry.endpoints(Settings.from_env({"PAPER_PORT": "4321"}), "okx", "paper")
    assert {at_paper.ws_url, *at_paper.more_ws_urls} == {
        "ws://127.0.0.1:4321/ws/v5/private",
        "ws://127.0.0.1:4321/ws/v5/business",
    }


def test_trading_for_money_and_on_trial_never_sign_alike_at_one_address() -> None:
    """Where both are the same host, only what is said with each request tells them apart."""
    for name in registry.VENUES:
        live, testnet = (registry.venue(name, environment) for environment in ("live", "testnet"))
        at = [registry.endpoints(Settings.from_env({}), name, environment) for environment in ("live", "testnet")]
        said = [venue.sign(venue.clock(), None, 0).headers for venue in (live, testnet)]

        assert at[0].rest_url != at[1].rest_url or said[0] != said[1]


def test_live_and_testnet_are_never_the_same_place() -> None:
    """Nobody trades real money by accident."""
    live, testnet = (registry.endpoints(Settings.from_env({}), "gate", name) for name in ("live", "testnet"))

    assert live.rest_url != testnet.rest_url and live.ws_url != testnet.ws_url
    assert live.ws_url.startswith("wss://") and live.rest_url.startswith("https://")


def test_a_venue_that_is_not_there_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="no such venue"):
        registry.venue("nowhere")
