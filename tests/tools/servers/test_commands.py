from pathlib import Path

import pytest

from tools.servers.commands import ServerError, require, run_logged, tail


def silent(line: str) -> None:
    pass


def test_all_missing_tools_are_named_at_once_with_the_command_that_installs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError) as error:
        require(["mvn", "javac", "java"])
    assert str(error.value) == (
        "not found on PATH: java, javac, mvn. Install with: apt-get install maven openjdk-17-jdk-headless"
    )


def test_a_commands_output_is_kept_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    run_logged(["sh", "-c", "echo out; echo err >&2"], log=log, what="trying", say=silent)
    assert log.read_text() == "\n$ sh -c echo out; echo err >&2\nout\nerr\n"


def test_a_failing_commands_error_names_the_log_and_shows_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(ServerError) as error:
        run_logged(["sh", "-c", "echo no such jar; exit 3"], log=log, what="fetching", say=silent)
    assert f"fetching failed (exit code 3); see {log}" in str(error.value)
    assert str(error.value).endswith("  | no such jar")


def test_a_command_that_takes_long_is_heard_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.servers.commands.HEARTBEAT_SECONDS", 0.05)
    said: list[str] = []
    run_logged(["sleep", "0.2"], log=tmp_path / "log", what="sleeping", say=said.append)
    assert said[0] == "  sleeping ..."
    assert said[1] == "  sleeping ... 0 s"


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(30)))
    assert tail(log, 2) == "  | line 28\n  | line 29"
