"""Make Prometheus and Alertmanager read their configuration again, and see that they took it."""

from __future__ import annotations

import requests


class ReloadError(Exception):
    """A server did not take its configuration; the message holds what it answered."""


def reload_prometheus(url: str, timeout: float = 30.0) -> None:
    """Make the Prometheus at ``url`` reload; ``timeout`` in seconds.

    Raises:
        ReloadError: it could not be reached, or goes on with its former configuration.
    """
    _reload("Prometheus", url, "prometheus_config_last_reload_successful", timeout)


def reload_alertmanager(url: str, timeout: float = 30.0) -> None:
    """Make the Alertmanager at ``url`` reload; ``timeout`` in seconds.

    Raises:
        ReloadError: it could not be reached, or goes on with its former configuration.
    """
    _reload("Alertmanager", url, "alertmanager_config_last_reload_successful", timeout)


def _reload(server: str, url: str, metric: str, timeout: float) -> None:
    base = url.rstrip("/")
    try:
        answer = requests.post(f"{base}/-/reload", timeout=timeout)
        if not answer.ok:
            hint = "; start it with --web.enable-lifecycle" if answer.status_code in (403, 405) else ""
            said = " ".join(answer.text.split())
            raise ReloadError(f"{server} at {url} did not reload: it answered {answer.status_code}: {said}{hint}")
        metrics = requests.get(f"{base}/metrics", timeout=timeout)
        metrics.raise_for_status()
    except requests.RequestException as error:
        raise ReloadError(f"{server} at {url} did not reload: {error}") from error
    for line in metrics.text.splitlines():
        if line.startswith(f"{metric} ") and float(line.split()[1]) != 1:
            raise ReloadError(f"{server} at {url} goes on with its former configuration: its log says why")
