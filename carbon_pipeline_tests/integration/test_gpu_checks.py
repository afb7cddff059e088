"""`make test-gpu` without a GPU: its comparisons, over a stand-in for NVML, and what it prints where there is none."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from carbon_pipeline.probes.gpu_use import GpuUse
from carbon_pipeline_tests.gpu import checks, rows
from carbon_pipeline_tests.gpu.rows import FAILS, HOLDS, NOT_RUN

ROOT = Path(__file__).parents[2]
FAKE = ROOT / "carbon_pipeline_tests" / "fake_nvml"
UUID = "GPU-4e8103f5-aaaa-0000-0000-000000000000"


@pytest.fixture
def fake_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """One board of 100 W here and in the processes that are started. Returns the file of its processes."""
    command = tmp_path / "bin" / "nvidia-smi"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    file = tmp_path / "processes.json"
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(FAKE))
    monkeypatch.setenv("FAKE_NVML", json.dumps([{"uuid": UUID, "power_w": 100}]))
    monkeypatch.setenv("FAKE_NVML_PROCESSES", str(file))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.syspath_prepend(FAKE)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", importlib.import_module("pynvml"))
    return file


@pytest.mark.long
def test_the_checks_hold_over_a_stand_in(
    fake_gpu: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries: list[dict[str, Any]] = []

    @contextmanager
    def load(uuid: str, busy_s: tuple[float, float] = (0, 1), period_s: float = 1, gib: float = 0.125) -> Iterator[int]:
        assert uuid == UUID
        pid = 1_000_000 + len(entries)
        percent = round(100 * (busy_s[1] - busy_s[0]) / period_s)
        entries.append({"pid": pid, "sm": percent, "memory": int((gib + 0.4) * 1024**3)})
        fake_gpu.write_text(json.dumps(entries))
        yield pid
        entries.pop()
        fake_gpu.write_text(json.dumps(entries))

    monkeypatch.setattr(checks, "load", load)
    # What these tests check is not how accurate a busy machine is.
    for name in ("ENERGY_TOLERANCE", "USE_TOLERANCE", "MEMORY_TOLERANCE"):
        monkeypatch.setattr(checks, name, 0.3)
    monkeypatch.setattr(checks, "READ_MS", 1000)
    status = checks.main(["--seconds", "1.5"])
    table = capsys.readouterr().out
    found = {line.split("|")[1].strip(): line.split("|")[-2].strip() for line in table.splitlines() if "|" in line}
    assert table.startswith("NVIDIA A100-SXM4-80GB, driver 580.65, CodeCarbon ")
    assert found.pop("power under load") == FAILS  # the stand-in draws the same power always
    assert found.pop("training with PyTorch") == NOT_RUN  # not installed, or it sees no GPU
    assert found.pop("what") == "verdict"
    assert [verdict for verdict in found.values() if verdict.strip("-")] == [HOLDS] * 15, table
    assert status == 1


def test_a_load_that_cannot_be_started_is_a_row_and_a_status(
    fake_gpu: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "CHECKS", {"use by process": checks.check_processes})
    assert checks.main(["--seconds", "1"]) == 1
    assert "| not run |" in capsys.readouterr().out
    assert checks.main(["--seconds", "1", "--may-skip"]) == 0
    table = capsys.readouterr().out
    assert "the GPU could not be loaded: OSError: " in table


def test_a_check_that_breaks_is_a_row_and_the_others_go_on(fake_gpu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(gpus: checks.Gpus, seconds: float) -> Iterator[rows.Row]:
        yield rows.same("first", 1, 1)
        raise RuntimeError("lost")

    monkeypatch.setattr(checks, "CHECKS", {"one": breaks, "other": breaks})
    found = list(checks.run_checks(checks.find_gpus(), 1))
    assert [row.verdict for row in found] == [HOLDS, FAILS] * 2
    assert found[1].measured == "RuntimeError: lost"


def test_without_a_gpu_there_is_one_plain_line_and_status_2() -> None:
    broken = (
        "import sys; sys.modules['pynvml'] = None; from carbon_pipeline_tests.gpu.checks import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert done.stdout.startswith("There is no NVIDIA GPU on this machine")
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("tracked_j", "direct_j", "method", "verdict"),
    [
        (1000, 1009, "nvml_counter", HOLDS),
        (1000, 1011, "nvml_counter", FAILS),
        (1000, 989, "nvml_counter", FAILS),
        (1000, 660, "nvml_sampled", HOLDS),
        (1000, 1340, "nvml_sampled", HOLDS),
        (1000, 590, "nvml_sampled", FAILS),
        (1000, 2950, "nvml_sampled", FAILS),
        (0, 1000, "nvml_counter", FAILS),
        (0, 1000, "nvml_sampled", FAILS),
        (1000, 0, "nvml_sampled", FAILS),
        (None, 1000, "none", FAILS),
        (1000, None, "nvml_sampled", NOT_RUN),
    ],
)
def test_an_energy_is_held_against_the_counter(
    tracked_j: float | None, direct_j: float | None, method: str, verdict: str
) -> None:
    found = {"gpu_energy_j": tracked_j, "direct_j": direct_j, "gpu_method": method}
    assert checks.energy_row("idle GPU", found).verdict == verdict


def test_the_use_of_two_processes_is_held_against_what_they_did() -> None:
    right = {"heavy": GpuUse(6.2, 24), "light": GpuUse(1.9, 14.1), "neither": GpuUse(0, 0)}
    assert [row.verdict for row in checks.use_rows(right, 10)] == [HOLDS] * 4
    swapped = {"heavy": right["light"], "light": right["heavy"], "neither": GpuUse(0.1, 0)}
    assert [row.verdict for row in checks.use_rows(swapped, 10)] == [FAILS] * 4
    unknown = dict.fromkeys(right, GpuUse())
    assert [row.verdict for row in checks.use_rows(unknown, 10)] == [NOT_RUN] * 4


def test_the_status_tells_failures_and_skipped_checks() -> None:
    held, skipped, failed = rows.same("a", 1, 1), rows.not_run("b", "reason"), rows.same("c", 1, 2)
    assert [rows.exit_status(found, may_skip=False) for found in ([held], [held, skipped], [failed])] == [0, 1, 1]
    assert [rows.exit_status(found, may_skip=True) for found in ([held], [held, skipped], [failed])] == [0, 0, 1]


def test_the_table_is_one_of_markdown() -> None:
    lines = [str(row) for row in (*rows.HEADER, rows.near("energy", 100, 101, "J", 0.05))]
    assert [text.strip() for text in lines[2].split("|")] == ["", "energy", "100 J +- 5%", "101 J", "+1.0%", HOLDS, ""]
    assert len({(line.count("|"), len(line)) for line in lines}) == 1
