import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.servers import cache
from tools.servers.commands import ServerError


def silent(line: str) -> None:
    pass


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIWATCH_CACHE", str(tmp_path))
    return tmp_path / "servers"


def writing(text: str) -> Callable[[Path, Path], None]:
    def build(entry: Path, log: Path) -> None:
        (entry / "file").write_text(text)

    return build


def test_an_entry_is_built_once(folder: Path) -> None:
    first = cache.ensure("tool-1", writing("first"), say=silent)
    second = cache.ensure("tool-1", writing("second"), say=silent)
    assert first == second == folder / "tool-1"
    assert (second / "file").read_text() == "first"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError])
def test_an_interrupted_build_leaves_no_entry(folder: Path, stop: type[BaseException]) -> None:
    def build(entry: Path, log: Path) -> None:
        (entry / "file").write_text("half")
        raise stop

    with pytest.raises(stop):
        cache.ensure("tool-1", build, say=silent)
    assert cache.cached("tool-1") is None
    assert not list(folder.glob("*.partial"))
    assert (cache.ensure("tool-1", writing("whole"), say=silent) / "file").read_text() == "whole"


def test_what_a_killed_build_left_is_not_used(folder: Path) -> None:
    left = folder / ".tool-1.partial"
    left.mkdir(parents=True)
    (left / "leftover").touch()
    entry = cache.ensure("tool-1", writing("whole"), say=silent)
    assert [path.name for path in entry.iterdir()] == ["file"]


def test_of_two_at_once_one_builds_and_the_other_waits() -> None:
    building, go_on = threading.Event(), threading.Event()
    said: list[str] = []

    def slow(entry: Path, log: Path) -> None:
        building.set()
        assert go_on.wait(10)
        (entry / "file").write_text("first")

    def heard(line: str) -> None:
        said.append(line)
        go_on.set()

    first = threading.Thread(target=cache.ensure, args=("tool-1", slow), kwargs={"say": silent})
    first.start()
    assert building.wait(10)
    entry = cache.ensure("tool-1", writing("second"), say=heard)
    first.join()
    assert (entry / "file").read_text() == "first"
    assert "waiting for another process" in said[0]


def test_the_cache_is_in_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIWATCH_CACHE")
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache.cache_folder() == Path("/home/someone/.cache/aiwatch/servers")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/someone")
    assert cache.cache_folder() == Path("/var/cache/someone/aiwatch/servers")


def test_a_cache_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "occupied").touch()
    monkeypatch.setenv("AIWATCH_CACHE", str(tmp_path / "occupied"))
    with pytest.raises(ServerError, match=r"cannot create the cache .*occupied/servers.*AIWATCH_CACHE"):
        cache.ensure("tool-1", writing(""), say=silent)
