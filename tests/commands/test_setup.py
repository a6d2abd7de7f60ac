"""The steps of the first start, as the containers run them."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aiwatch.cli import main
from aiwatch.provision.first_start import MADE_FIRST, SHARES
from aiwatch.provision.secret_files import write_secret

PROCESS = "name: bot\ntitle: Bot\nkind: chat\nbusiness_unit: sales\nowner: a@example.com\n"


def setup(tmp_path: Path, *arguments: str, text: str = "") -> Result:
    environment = {"AIWATCH_SECRETS": str(tmp_path / "secrets"), "AIWATCH_SETUP_SHARE": str(tmp_path / "share")}
    return CliRunner().invoke(main, ["setup", *arguments], env=environment, input=text)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_start_makes_every_secret_and_later_ones_keep_them(tmp_path: Path) -> None:
    assert setup(tmp_path, "secrets").exit_code == 0
    first = {name: (tmp_path / "secrets" / name).read_text() for name in MADE_FIRST}
    assert len(set(first.values())) == len(MADE_FIRST)
    assert min(map(len, first.values())) >= 32
    assert "0 made" in setup(tmp_path, "secrets").output
    assert {name: (tmp_path / "secrets" / name).read_text() for name in MADE_FIRST} == first


def test_no_secret_is_shown(tmp_path: Path) -> None:
    output = setup(tmp_path, "secrets").output
    assert not [name for name in MADE_FIRST if (tmp_path / "secrets" / name).read_text() in output]


def test_each_part_gets_its_own_secrets_readable_by_nobody_else(tmp_path: Path) -> None:
    for name in {name for share in SHARES for name in share.names} - set(MADE_FIRST):
        write_secret(tmp_path / "secrets", name, f"key of {name}")
    setup(tmp_path, "secrets")
    for share in SHARES:
        folder = tmp_path / "share" / share.consumer
        assert sorted(path.name for path in folder.iterdir()) == sorted(share.names)
        assert mode(folder) == (0o750 if share.mode == 0o640 else 0o700)
        for name in share.names:
            assert mode(folder / name) == share.mode
            assert (folder / name).read_text() == (tmp_path / "secrets" / name).read_text()


def test_a_secret_that_was_damaged_is_handed_out_again(tmp_path: Path) -> None:
    setup(tmp_path, "secrets")
    copy = tmp_path / "share" / "elasticsearch" / "elastic-password"
    copy.write_text("something else")
    copy.chmod(0o644)
    setup(tmp_path, "secrets")
    assert copy.read_text() == (tmp_path / "secrets" / "elastic-password").read_text()
    assert mode(copy) == 0o600


def test_a_secret_of_ones_own_reaches_alertmanager(tmp_path: Path) -> None:
    assert setup(tmp_path, "secret", "slack-url", text="https://hooks.example/abc\n").exit_code == 0
    kept = tmp_path / "share" / "alertmanager" / "slack-url"
    assert kept.read_text() == "https://hooks.example/abc"
    assert mode(kept) == 0o640


def test_a_secret_of_ones_own_reaches_the_responder(tmp_path: Path) -> None:
    done = setup(tmp_path, "secret", "mlflow-token", "--for", "responder", text="abc\n")
    assert (done.exit_code, done.output) == (0, "kept; name it in the process's file as mlflow-token\n")
    kept = tmp_path / "share" / "responder" / "mlflow-token"
    assert (kept.read_text(), mode(kept)) == ("abc", 0o600)


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("slack-url", " \n", "standard input"),
        ("../slack-url", "x", "no name"),
        ("responder-token", "x", "another name"),
    ],
)
def test_a_wrong_secret_says_what_to_do(tmp_path: Path, name: str, text: str, hint: str) -> None:
    result = setup(tmp_path, "secret", name, text=text)
    assert result.exit_code == 1
    assert hint in result.output


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    folder = tmp_path / "catalogue"
    (folder / "processes").mkdir(parents=True)
    (folder / "processes" / "bot.yml").write_text(PROCESS)
    return folder


class Refusing(BaseHTTPRequestHandler):
    """Answers like an Elasticsearch with another password."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def apply(tmp_path: Path, catalogue: Path, url: str, *arguments: str) -> Result:
    setup(tmp_path, "secrets")
    options = [f"--catalogue={catalogue}", f"--root={tmp_path / 'site'}", f"--publish={tmp_path / 'applied'}"]
    return setup(tmp_path, "apply", *options, f"--elasticsearch={url}", *arguments)


def test_an_error_in_the_catalogue_is_the_last_line_and_nothing_is_touched(tmp_path: Path, catalogue: Path) -> None:
    (catalogue / "processes" / "bot.yml").write_text(PROCESS + "kinds: chat\n")
    result = apply(tmp_path, catalogue, "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "bot.yml:6" in result.output.splitlines()[-1]
    assert not (tmp_path / "site").exists()
    assert not (tmp_path / "applied").exists()


def test_a_server_with_another_password_is_said_at_once(tmp_path: Path, catalogue: Path, refusing: str) -> None:
    result = apply(tmp_path, catalogue, refusing)
    assert result.exit_code == 1
    assert "other volumes" in result.output
    assert not (tmp_path / "site").exists()


def test_a_server_that_never_comes_is_said_in_the_end(tmp_path: Path, catalogue: Path) -> None:
    result = apply(tmp_path, catalogue, "http://127.0.0.1:1", "--wait=0")
    assert result.exit_code == 1
    assert "was not ready within 0 seconds" in result.output
    assert not (tmp_path / "site").exists()
