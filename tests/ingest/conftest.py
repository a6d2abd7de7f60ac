"""What the tests of the data half need of the installed servers."""

from pathlib import Path

import pytest

from tools.servers.install import ensure_prometheus


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus's own checker."""
    return ensure_prometheus() / "promtool"
