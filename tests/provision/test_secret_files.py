"""Secrets are files that only their owner can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiwatch.provision.secret_files import ensure_token, read_secret, write_secret


def test_a_secret_that_was_written_is_read_back(tmp_path: Path) -> None:
    write_secret(tmp_path / "secrets", "token", "abc")
    assert read_secret(tmp_path / "secrets", "token") == "abc"


def test_a_secret_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_secret(tmp_path / "secrets", "token") == ""


def test_only_the_owner_can_read_a_secret_whatever_was_there_before(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "token").write_text("old")
    (tmp_path / "token").chmod(0o644)
    write_secret(tmp_path, "token", "new")
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("keep")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/token").symlink_to(tmp_path / "elsewhere")
    write_secret(tmp_path / "secrets", "token", "new")
    assert (tmp_path / "elsewhere").read_text() == "keep"


def test_a_token_is_made_once(tmp_path: Path) -> None:
    assert ensure_token(tmp_path, "token")
    token = read_secret(tmp_path, "token")
    assert len(token) >= 40
    assert not ensure_token(tmp_path, "token")
    assert read_secret(tmp_path, "token") == token


def test_an_empty_token_is_made_anew(tmp_path: Path) -> None:
    write_secret(tmp_path, "token", "")
    assert ensure_token(tmp_path, "token")


def test_a_secret_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    with pytest.raises(IsADirectoryError):
        write_secret(tmp_path, "token", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
