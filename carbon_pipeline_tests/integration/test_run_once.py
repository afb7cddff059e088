"""What `make run` calls: the example, once, with a summary on the terminal."""

import os
import subprocess
import sys
from pathlib import Path


def run_example(status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "carbon_pipeline.example"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert done.returncode == status, done.stderr
    return done


def test_make_run_shows_what_it_measured_and_the_files_it_wrote(data_dir: Path) -> None:
    done = run_example()
    steps = done.stderr.splitlines()
    assert steps[0] == f"step 1 of {len(steps)}: idle_baseline"
    assert all(line.startswith("step ") for line in steps)
    for word in ("Wh", "g CO2eq", "world_average", "short_run: shorter than 1 s"):
        assert word in done.stdout, done.stdout
    written = [line.split()[-1] for line in done.stdout.splitlines() if str(data_dir) in line or "data/" in line]
    assert len(written) == 7
    assert all(Path(path).exists() for path in written)


def test_a_pipeline_that_fails_ends_with_status_1_and_one_line_beside_the_steps(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "tracking_info.csv").write_text("not ours\n")
    done = run_example(status=1)
    (error,) = [line for line in done.stderr.splitlines() if not line.startswith("step ")]
    assert "the pipeline failed in field_record: " in error
    assert "33 fields in their order" in error
