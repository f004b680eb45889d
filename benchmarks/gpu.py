"""What a CUDA device makes of it: checks, the fused kernels' bandwidth, and whole networks against the plain ones.

    python -m benchmarks.gpu --out out                   # all of it
    python -m benchmarks.gpu --skip-checks --networks resnet50

1. the tests marked gpu: every Triton kernel against its dynamics to the bit, runs that never wait, CUDA graphs;
2. the scan of one population at the shapes of ResNet-50 and ViT-B/16: bytes that must move over the time it takes, and
   that over the bandwidth of a plain copy on the same device;
3. networks with random weights, float16: the time of a run of T steps over T forward passes of the original module.
"""

import json
import math
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch

from onnx2snn_runtime.dynamics.base import Neuron, State
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.errors import Onnx2SnnError

SHAPES = {
    "resnet50 stem": (64, 112, 112),
    "resnet50 stage 1": (256, 56, 56),
    "resnet50 stage 4": (2048, 7, 7),
    "vit_b_16 mlp": (197, 3072),
    "vit_b_16 attention": (12, 197, 197),
}
NETWORKS = ("resnet50", "vit_b_16")
PIXELS = (3, 224, 224)


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


def copy_bandwidth() -> float:
    """Return the bytes a second that a copy of 1 GiB moves, read and written."""
    source = torch.empty(1 << 28, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.numel() * source.element_size() / seconds(lambda: target.copy_(source))


def measure_kernel(shape: tuple[int, ...], batch: int, steps: int, dtype: torch.dtype, copied: float) -> dict[str, Any]:
    """Return the bandwidth of the scan of a population of `shape`, targets and estimates in `dtype`, ReLU fused."""
    from onnx2snn_runtime.kernels.differential import DifferentialTriton

    target = torch.randn(steps, batch, *shape, device="cuda", dtype=dtype)
    v = torch.zeros(batch, *shape, device="cuda")
    clamp, neuron, kernel, state = (0.0, math.inf), Neuron(4.0), DifferentialTriton(), State(v)
    narrow = dtype if dtype != torch.float32 else None
    taken = seconds(lambda: kernel.scan(Differential(), target, state, steps, 1, neuron, clamp, narrow))
    moved = 2 * target.numel() * target.element_size() + 2 * v.numel() * v.element_size()
    return {"seconds": taken, "GB/s": moved / taken / 1e9, "of a copy": moved / taken / copied}


def measure_network(name: str, batch: int, steps: int) -> dict[str, Any]:
    """Return the times of `name` in float16: its forward pass, and runs of the spiking network it becomes."""
    from benchmarks.networks import Subject, _torchvision, prepare
    from onnx2snn_runtime.loading import place

    module, snn = prepare(Subject(name, _torchvision(name), PIXELS))
    module = module.to("cuda", torch.float16, memory_format=torch.channels_last)
    x = torch.randn(batch, *PIXELS, device="cuda")
    half = x.half().contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        plain = seconds(lambda: module(half))
    found: dict[str, Any] = {"forward": plain, "runs": {}}
    for label, layout, options in (
        ("plain layout", False, {}),
        ("channels last", True, {}),
        ("channels last, CUDA graph", True, {"cuda_graphs": True}),
    ):
        placed = place(snn, "cuda", "float16", channels_last=layout)
        try:
            taken = seconds(lambda model=placed, given=options: model.run(x, steps, batch_size=batch, **given), 5)
        except (Onnx2SnnError, torch.OutOfMemoryError) as error:
            found["runs"][label] = {"failed": str(error).splitlines()[0]}
            continue
        found["runs"][label] = {"seconds": taken, "over T forward passes": taken / (steps * plain)}
    return found


def check() -> dict[str, Any]:
    """Run the tests marked gpu and return what they said."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"passed": done.returncode == 0, "summary": done.stdout.strip().splitlines()[-15:]}


def measure(batch: int, steps: int, networks: list[str], checks: bool) -> dict[str, Any]:
    """Return everything, printed line by line as it is measured."""
    found: dict[str, Any] = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "T": steps}
    if checks:
        found["checks"] = check()
        print("checks:", *found["checks"]["summary"][-1:])
    found["copy GB/s"] = (copied := copy_bandwidth()) / 1e9
    print(f"copy: {copied / 1e9:.0f} GB/s")
    found["kernels"] = {}
    for label, shape in SHAPES.items():
        for dtype in (torch.float16, torch.float32):
            row = measure_kernel(shape, batch, steps, dtype, copied)
            found["kernels"][f"{label}, {str(dtype)[6:]}"] = row
            print(f"{label}, {str(dtype)[6:]}: {row['GB/s']:.0f} GB/s, {row['of a copy']:.2f} of a copy")
    found["networks"] = {}
    for name in networks:
        try:
            found["networks"][name] = measure_network(name, batch, steps)
        except Onnx2SnnError as error:
            found["networks"][name] = {"failed": str(error)}
        print(name, json.dumps(found["networks"][name]))
    return found


@click.command()
@click.option("--batch", type=click.IntRange(1), default=64)
@click.option("--timesteps", type=click.IntRange(1), default=4)
@click.option("--networks", default=",".join(NETWORKS), help="Names of torchvision's classification models.")
@click.option("--skip-checks", is_flag=True, help="Leave out the tests marked gpu.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for gpu.json.")
def main(batch: int, timesteps: int, networks: str, skip_checks: bool, out: Path | None) -> None:
    """Check and measure on the CUDA device of this machine."""
    if not torch.cuda.is_available():
        raise click.ClickException(
            "there is no CUDA device here: run this on a machine with one, with triton installed"
        )
    found = measure(batch, timesteps, [name for name in networks.split(",") if name], not skip_checks)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
