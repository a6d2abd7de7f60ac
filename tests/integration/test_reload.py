"""Real servers read their configuration again, and say so when they cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from aiwatch.provision.apply.reload import ReloadError, reload_alertmanager, reload_prometheus
from tools.servers.run import Server

ROUTES = "route: {receiver: NAME}\nreceivers: [{name: NAME}]\n"


def test_prometheus_takes_a_new_configuration_and_keeps_it_when_the_next_one_is_broken(
    tmp_path: Path, start_prometheus: Callable[[Path], Server]
) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text("global: {scrape_interval: 1m}\n")
    url = start_prometheus(tmp_path).url
    file.write_text("global: {scrape_interval: 17s}\n")
    reload_prometheus(url)
    assert "17s" in requests.get(f"{url}/api/v1/status/config", timeout=10).text
    file.write_text("globul: {}\n")
    with pytest.raises(ReloadError, match=r"it answered 500: .*globul"):
        reload_prometheus(url)
    assert "17s" in requests.get(f"{url}/api/v1/status/config", timeout=10).text


def test_alertmanager_takes_a_new_configuration_and_keeps_it_when_the_next_one_is_broken(
    tmp_path: Path, start_alertmanager: Callable[[Path], Server]
) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(ROUTES.replace("NAME", "first"))
    url = start_alertmanager(file).url
    file.write_text(ROUTES.replace("NAME", "second"))
    reload_alertmanager(url)
    assert "second" in requests.get(f"{url}/api/v2/status", timeout=10).text
    file.write_text("route: {receiver: nobody}\n")
    with pytest.raises(ReloadError, match=r"it answered 500: .*nobody"):
        reload_alertmanager(url)
    assert "second" in requests.get(f"{url}/api/v2/status", timeout=10).text
