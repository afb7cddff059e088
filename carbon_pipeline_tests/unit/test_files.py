import os
import time
from pathlib import Path

import pytest

from carbon_pipeline.common.files import STALE_S, ManyFiles, remove_stale_parts, replacing, write_text


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half \ud800 written")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_killed_processes_have_left_is_removed_and_what_is_being_written_stays(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "written")
    with replacing(tmp_path / "next") as beside:
        beside.write_text("being written")
        left = beside.with_name(".left.part")
        left.write_text("half")
        os.utime(left, (time.time() - 2 * STALE_S,) * 2)
        remove_stale_parts(tmp_path)
        assert beside.exists()
        assert not left.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"file", "next"}


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="boom") as raised, replacing(tmp_path / "other") as beside:
        raise OSError(5, "boom", str(beside))
    assert raised.value.filename == str(tmp_path / "other")


def test_many_files_are_replaced_whole_and_only_if_they_changed(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_bytes(b"old")
    with ManyFiles(tmp_path) as files:
        assert not files.write("old.json", b"old")
        assert files.write("old.json", b"new")
        assert files.write("new.json", b"one")
        assert not files.write("new.json", b"one")
        (tmp_path / "new.json").unlink()  # by somebody else
        assert files.write("new.json", b"one")
        (tmp_path / "folder.json").mkdir()
        with pytest.raises(OSError, match=r"folder\.json"):
            files.write("folder.json", b"one")
    assert {path.name for path in tmp_path.iterdir()} == {"old.json", "new.json", "folder.json"}
    assert (tmp_path / "old.json").read_bytes() == b"new"
