from pathlib import Path

import pytest

from carbon_pipeline.files import write_whole


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half \ud800 written")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
