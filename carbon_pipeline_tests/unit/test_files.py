from pathlib import Path

import pytest

from carbon_pipeline.common.files import write_text


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half \ud800 written")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
