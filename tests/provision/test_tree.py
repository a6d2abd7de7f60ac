"""Generated files are written, compared and cleaned up, and nothing else is ever touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aiwatch.provision.tree import Difference, TreeError, Written, check, describe, write

OWNED = ("prometheus/generated", "docs/schema/process.json")
TREE = {
    "prometheus/generated/rules/a.yml": "a: 1\nb: 2\n",
    "prometheus/generated/b.yml": "ü\n",
    "docs/schema/process.json": "{}\n",
}


def snapshot(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def test_what_is_written_is_what_was_generated(tmp_path: Path) -> None:
    assert write(TREE, tmp_path, OWNED) == Written(tuple(sorted(TREE)), ())
    assert snapshot(tmp_path) == TREE
    assert check(TREE, tmp_path, OWNED) == []


def test_a_file_that_is_right_is_not_touched(tmp_path: Path) -> None:
    write(TREE, tmp_path, OWNED)
    kept = tmp_path / "prometheus/generated/b.yml"
    before = kept.stat()
    (tmp_path / "prometheus/generated/rules/a.yml").write_text("other")
    assert write(TREE, tmp_path, OWNED).changed == ("prometheus/generated/rules/a.yml",)
    after = kept.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_stale_a_missing_and_an_orphaned_file_are_told_with_the_command_that_mends_them(tmp_path: Path) -> None:
    write(TREE, tmp_path, OWNED)
    (tmp_path / "prometheus/generated/rules/a.yml").write_text("a: 1\nb: 3\n")
    (tmp_path / "docs/schema/process.json").unlink()
    (tmp_path / "prometheus/generated/old.yml").write_text("gone\n")
    assert describe(check(TREE, tmp_path, OWNED)).splitlines() == [
        "docs/schema/process.json is missing",
        "--- docs/schema/process.json (is)",
        "+++ docs/schema/process.json (should be)",
        "@@ -0,0 +1 @@",
        "+{}",
        "",
        "prometheus/generated/old.yml is an orphan: nothing in the catalogue asks for it",
        "",
        "prometheus/generated/rules/a.yml is stale",
        "--- prometheus/generated/rules/a.yml (is)",
        "+++ prometheus/generated/rules/a.yml (should be)",
        "@@ -1,2 +1,2 @@",
        " a: 1",
        "-b: 3",
        "+b: 2",
        "",
        "3 generated files differ from the catalogue; to mend them, run: aiwatch provision",
    ]


def test_checking_writes_nothing(tmp_path: Path) -> None:
    check(TREE, tmp_path, OWNED)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_differs_in_its_last_newline_alone_is_stale(tmp_path: Path) -> None:
    write(TREE, tmp_path, OWNED)
    (tmp_path / "docs/schema/process.json").write_text("{}")
    assert [difference.state for difference in check(TREE, tmp_path, OWNED)] == ["stale"]


def test_a_stale_file_that_is_not_text_is_compared_all_the_same(tmp_path: Path) -> None:
    write(TREE, tmp_path, OWNED)
    (tmp_path / "prometheus/generated/b.yml").write_bytes(b"\xff\xfe")
    assert [difference.path for difference in check(TREE, tmp_path, OWNED)] == ["prometheus/generated/b.yml"]
    write(TREE, tmp_path, OWNED)
    assert check(TREE, tmp_path, OWNED) == []


def test_orphans_and_folders_that_are_left_empty_are_removed(tmp_path: Path) -> None:
    write(TREE, tmp_path, OWNED)
    smaller = {path: text for path, text in TREE.items() if "rules" not in path}
    assert write(smaller, tmp_path, OWNED) == Written((), ("prometheus/generated/rules/a.yml",))
    assert not (tmp_path / "prometheus/generated/rules").exists()


def test_what_is_not_owned_stays(tmp_path: Path) -> None:
    by_hand = {"prometheus/prometheus.yml": "x", "docs/schema/notes.md": "y", "prometheus/generated2/z": "z"}
    for path, text in by_hand.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    write(TREE, tmp_path, OWNED)
    assert snapshot(tmp_path) == {**TREE, **by_hand}
    write({}, tmp_path, OWNED)
    assert snapshot(tmp_path) == by_hand


@pytest.mark.parametrize(
    "path",
    [
        "prometheus/prometheus.yml",
        "prometheus/generated2/x",
        "/etc/passwd",
        "prometheus/generated/../x",
        "prometheus/generated/./x",
        "docs/schema/process.json.bak",
    ],
)
def test_a_path_outside_of_what_is_generated_is_refused_before_anything_is_written(tmp_path: Path, path: str) -> None:
    with pytest.raises(TreeError, match="lies outside of what is generated"):
        write({**TREE, path: "x"}, tmp_path, OWNED)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("link", ["prometheus", "prometheus/generated", "prometheus/generated/rules"])
def test_a_link_to_another_folder_is_not_followed(tmp_path: Path, link: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "generated").mkdir(parents=True)
    (elsewhere / "precious.txt").write_text("keep")
    root = tmp_path / "root"
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(elsewhere)
    with pytest.raises(TreeError, match="is a symbolic link"):
        write(TREE, root, OWNED)
    assert snapshot(elsewhere) == {"precious.txt": "keep"}


def test_links_among_the_orphans_are_removed_and_what_they_point_to_stays(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("keep")
    generated = tmp_path / "prometheus/generated"
    generated.mkdir(parents=True)
    (generated / "folder").symlink_to(tmp_path / "precious")
    (generated / "b.yml").symlink_to(tmp_path / "precious/file")
    write(TREE, tmp_path, OWNED)
    assert snapshot(tmp_path) == {**TREE, "precious/file": "keep"}
    assert not (generated / "b.yml").is_symlink()


def test_what_a_killed_write_left_behind_is_an_orphan(tmp_path: Path) -> None:
    write(TREE, tmp_path, OWNED)
    (tmp_path / "prometheus/generated/.b.yml.1.tmp").write_text("half")
    assert write(TREE, tmp_path, OWNED).removed == ("prometheus/generated/.b.yml.1.tmp",)


def test_servers_that_run_as_other_users_can_read_what_is_generated(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write(TREE, tmp_path, OWNED)
    finally:
        os.umask(before)
    assert (tmp_path / "prometheus/generated/b.yml").stat().st_mode & 0o777 == 0o644


def test_one_difference_is_told_in_the_singular() -> None:
    assert describe([Difference("a", "orphan")]).endswith(
        "1 generated file differs from the catalogue; to mend it, run: aiwatch provision"
    )
