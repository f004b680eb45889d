"""What a CUDA device makes of it: checks, the fused kernels' bandwidth, and whole networks against the plain ones.

    python -m benchmarks.gpu --out out                   # all of it, some ten minutes
    python -m benchmarks.gpu --out out --seconds 400     # what fits; what is left out is named
    python -m benchmarks.gpu --skip-checks --networks resnet50

1. the scan of one population at the shapes of ResNet-50 and ViT-B/16: bytes that must move over the time it takes, and
   that over the bandwidth of a plain copy on the same device;
2. networks with random weights, float16: the time of a run of T steps over T forward passes of the original module, of
   a batch and of one sample, and where it goes;
3. the tests marked gpu: every Triton kernel against its dynamics to the bit, runs that never wait, CUDA graphs.

OUT/gpu.json and OUT/gpu.md are written anew after each of them, and hold the name of the device. What fails is told
there, and the rest goes on.
"""

import importlib.util
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.gpu_report import markdown
from benchmarks.networks import SUBJECTS, Subject, _torchvision, prepare
from onnx2snn.evaluation.timing import profile
from onnx2snn_runtime.dynamics.base import Neuron, State
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.kernels.base import KERNELS
from onnx2snn_runtime.loading import place
from onnx2snn_runtime.model import SpikingModel

ROOT = Path(__file__).parents[1]
DEVICE = "cuda"
KERNEL = "differential_triton"
SHAPES = {
    "resnet50 stem": (64, 112, 112),
    "resnet50 stage 1": (256, 56, 56),
    "resnet50 stage 4": (2048, 7, 7),
    "vit_b_16 mlp": (197, 3072),
    "vit_b_16 attention": (12, 197, 197),
}
NETWORKS = ("resnet50", "vit_b_16")
PIXELS = (3, 224, 224)
RUNS: tuple[tuple[str, bool, dict[str, Any]], ...] = (
    ("plain layout", False, {}),
    ("channels last", True, {}),
    ("channels last, CUDA graph", True, {"cuda_graphs": True}),
)
"""How a network is run: whether its weights lie in channels last, and the options of the run."""

Job = tuple[str, str, Callable[[], dict[str, Any]]]
"""A section of the report, the name of a row, and what measures it."""


def seconds(function: Callable[[], object], repeats: int = 20) -> float:
    """Return the median time of `function` on the device, after three calls that warm up."""
    for _ in range(3):
        function()
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        function()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / 1000)
    return statistics.median(times)


def copy_bandwidth(numbers: int = 1 << 28) -> float:
    """Return the bytes a second that a copy of so many numbers, 1 GiB, moves, read and written."""
    source = torch.empty(numbers, device=DEVICE)
    target = torch.empty_like(source)
    return 2 * source.numel() * source.element_size() / seconds(lambda: target.copy_(source))


def measure_kernel(shape: tuple[int, ...], batch: int, steps: int, dtype: torch.dtype, copied: float) -> dict[str, Any]:
    """Return the bandwidth of the scan of a population of `shape`, targets and estimates in `dtype`, ReLU fused."""
    target = torch.randn(steps, batch, *shape, device=DEVICE, dtype=dtype)
    v = torch.zeros(batch, *shape, device=DEVICE)
    clamp, neuron, kernel, state = (0.0, math.inf), Neuron(4.0), KERNELS[KERNEL](), State(v)
    narrow = dtype if dtype != torch.float32 else None
    taken = seconds(lambda: kernel.scan(Differential(), target, state, steps, 1, neuron, clamp, narrow))
    moved = 2 * target.numel() * target.element_size() + 2 * v.numel() * v.element_size()
    return {"seconds": taken, "GB/s": moved / taken / 1e9, "of a copy": moved / taken / copied}


class Measured:
    """A network in float16 on the device: its module, and the spiking network it becomes."""

    def __init__(self, subject: Subject, steps: int) -> None:
        self.subject, self.steps = subject, steps
        module, self.snn = prepare(subject)
        self.module = module.to(DEVICE, torch.float16, memory_format=torch.channels_last)

    def times(self, batch: int) -> dict[str, Any]:
        """Return the time of a forward pass of `batch` samples, and of runs over that of T passes."""
        x = torch.randn(batch, *self.subject.shape, device=DEVICE)
        half = x.half()
        half = half.contiguous(memory_format=torch.channels_last) if half.ndim == 4 else half
        with torch.no_grad():
            plain = seconds(lambda: self.module(half))
        found: dict[str, Any] = {"batch": batch, "forward": plain, "runs": {}}
        for label, layout, options in RUNS:
            found["runs"][label] = attempted(lambda x=x, o=options, c=layout: self._over(x, c, o, plain))
        return found

    def _over(self, x: torch.Tensor, channels_last: bool, options: dict[str, Any], plain: float) -> dict[str, Any]:
        model = self._placed(channels_last)
        taken = seconds(lambda: model.run(x, self.steps, batch_size=len(x), **options), 5)
        return {"seconds": taken, "over T forward passes": taken / (self.steps * plain)}

    def _placed(self, channels_last: bool) -> SpikingModel:
        return place(self.snn, DEVICE, "float16", channels_last=channels_last)

    def where_it_goes(self, batch: int) -> dict[str, Any]:
        """Return the profile of a run: its totals, and the ten rows that took most."""
        x = torch.randn(batch, *self.subject.shape).numpy()
        name = self.snn.program.inputs[0].name
        made = profile(self._placed(True), {name: x}, timesteps=self.steps, repeats=1)
        return {"seconds": made["seconds"], "totals": made["totals"], "rows": made["rows"][:10]}


def subject_of(name: str) -> Subject:
    """Return a network of the benchmarks, or of torchvision, by its name."""
    return SUBJECTS[name] if name in SUBJECTS else Subject(name, _torchvision(name), PIXELS)


def marked_files() -> list[str]:
    """Return the files with tests marked gpu: others may need packages that a bare machine has not."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if "mark.gpu" in file.read_text()]


def check(limit: float) -> dict[str, Any]:
    """Run the tests marked gpu, for `limit` seconds at most, and return what they said."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", *marked_files()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=limit)
    except subprocess.TimeoutExpired as error:
        told = error.stdout or b""
        lines = (told if isinstance(told, str) else told.decode(errors="replace")).strip().splitlines()[-15:]
        return {"passed": False, "summary": [*lines, f"stopped after {limit:.0f} s"]}
    return {"passed": done.returncode == 0, "summary": (done.stdout + done.stderr).strip().splitlines()[-40:]}


def attempted(function: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what `function` returns, or why it failed: the rest is worth measuring all the same."""
    try:
        return function()
    except Exception as error:  # noqa: BLE001 - all of them are told
        return {"failed": " ".join(f"{type(error).__name__}: {error}".split())[:300]}


def jobs(batch: int, steps: int, networks: list[str], copied: float) -> Iterator[Job]:
    """Yield what is to be measured, in the order of its worth."""
    for label, shape in SHAPES.items():
        for dtype in (torch.float16, torch.float32):
            name = f"{label}, {str(dtype)[6:]}"
            yield "kernels", name, lambda s=shape, d=dtype: measure_kernel(s, batch, steps, d, copied)
    for name in networks:
        held: list[Measured] = []

        def made(name: str = name, held: list[Measured] = held) -> Measured:
            held.extend([] if held else [Measured(subject_of(name), steps)])
            return held[0]

        for size in dict.fromkeys((batch, 1)):
            yield "networks", f"{name}, batch {size}", lambda m=made, s=size: m().times(s)
        yield "profiles", f"{name}, batch {batch}", lambda m=made: m().where_it_goes(batch)


def measure(batch: int, steps: int, networks: list[str], checks: bool, limit: float, out: Path | None) -> dict:
    """Return everything, printed and written line by line as it is measured, within `limit` seconds."""
    begun = time.monotonic()
    packages = {name: _version(name) for name in ("torch", "triton")}
    found: dict[str, Any] = {"device": torch.cuda.get_device_name(), **packages, "T": steps, "batch": batch}
    copied = copy_bandwidth()
    found |= {"copy GB/s": copied / 1e9, "kernels": {}, "networks": {}, "profiles": {}}
    print(f"{found['device']}: a copy moves {copied / 1e9:.0f} GB/s", flush=True)
    for section, name, function in jobs(batch, steps, networks, copied):
        late = time.monotonic() - begun > limit
        found[section][name] = {"failed": "left out: no time"} if late else attempted(function)
        print(f"{time.monotonic() - begun:.0f} s, {name}: {json.dumps(found[section][name])[:400]}", flush=True)
        write(found, out)
    left = limit - (time.monotonic() - begun)
    if checks:
        found["checks"] = check(max(60.0, left))
        print("checks:", *found["checks"]["summary"][-1:], flush=True)
    write(found, out)
    return found


def _version(name: str) -> str:
    if importlib.util.find_spec(name) is None:
        return "not installed"
    return str(importlib.import_module(name).__version__)


def write(found: dict[str, Any], out: Path | None) -> None:
    """Write OUT/gpu.json and OUT/gpu.md."""
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
        (out / "gpu.md").write_text(markdown(found))


@click.command()
@click.option("--batch", type=click.IntRange(1), default=64)
@click.option("--timesteps", type=click.IntRange(1), default=4)
@click.option(
    "--networks", default=",".join(NETWORKS), help="Names of benchmarks.networks, or of torchvision's models."
)
@click.option("--skip-checks", is_flag=True, help="Leave out the tests marked gpu.")
@click.option(
    "--seconds", "limit", type=click.FloatRange(1), default=1200.0, help="What is not begun by then is left out."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for gpu.json and gpu.md.")
def main(batch: int, timesteps: int, networks: str, skip_checks: bool, limit: float, out: Path | None) -> None:
    """Check and measure on the CUDA device of this machine."""
    if not torch.cuda.is_available():
        raise click.ClickException(
            "there is no CUDA device here: run this on a machine with one, with triton installed"
        )
    names = [name for name in networks.split(",") if name]
    measure(batch, timesteps, names, not skip_checks, limit, out)


if __name__ == "__main__":
    main()
