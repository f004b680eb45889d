"""Makes silero_vad.onnx, silero_vad_one.onnx and silero_vad_half.onnx, speech or silence, and speech: `--out DIR`.

The networks are files of the package silero-vad, as they are there (of opsets 15 and 16; the second takes one frame a
call, the last has weights of half precision): of 64 samples before, 512 now, and a state `[2, batch, 128]` (of an LSTM)
they make the probability of speech and the next state. A sample is a frame, with the state that the plain network had
before it.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnxruntime

from models.real.common import Network, need_file, out_option, save
from models.real.speech import SENTENCES, spoken, with_pauses

FILES = {
    "silero_vad": "silero_vad_16k_op15.onnx",
    "silero_vad_one": "silero_vad_openvino_16k.onnx",
    "silero_vad_half": "silero_vad_half.onnx",
}
CLOSE = ("--tolerance", "0.002")  # a probability can lie as near to the threshold as that
NETWORKS = tuple(Network(f"{n}.onnx", f"{n}_frames.npz", f"{n}_calibration.npz", CLOSE) for n in FILES)
COMMAND = "pip install --no-deps silero-vad"
FRAME, BEFORE, RATE = 512, 64, np.array(16_000)
SPEECH = 0.5


@dataclass(frozen=True)
class Decisions:
    """Frames, those of speech, and those where both networks decide alike."""

    frames: int
    speech: int
    equal: int

    def __str__(self) -> str:
        return f"{self.equal} of {self.frames} decisions equal, {self.speech} of them speech"


def measure(plain: Mapping[str, np.ndarray], spiking: Mapping[str, np.ndarray]) -> Decisions:
    """Return how far both networks decide alike."""
    ours, theirs = (np.ravel(outputs["output"]) >= SPEECH for outputs in (plain, spiking))
    return Decisions(len(ours), int(ours.sum()), int((ours == theirs).sum()))


def frames(sound: np.ndarray) -> np.ndarray:
    """Return the frames of a sound, each behind the end of the one before it, float32 `[frames, 576]`."""
    padded = np.concatenate([np.zeros(BEFORE, np.float32), sound])
    starts = range(0, len(padded) - BEFORE - FRAME + 1, FRAME)
    return np.stack([padded[start : start + BEFORE + FRAME] for start in starts])


def states(model: Path, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the inputs of the network for frames in a row: what it is fed, with the states that it makes itself."""
    made = [state for _, state in _answers(model, rows)]
    before = [np.zeros_like(made[0]), *made[:-1]]
    return {"input": rows, "state": np.concatenate(before, 1), **_shared(_session(model))}


def _session(model: Path) -> Any:
    return onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])


def _shared(session: Any) -> dict[str, np.ndarray]:
    return {"sr": RATE} if "sr" in {port.name for port in session.get_inputs()} else {}


def _answers(model: Path, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the probability and the next state that the plain network makes of each frame."""
    session, state = _session(model), np.zeros((2, 1, 128), np.float32)
    for row in rows:
        answer, state = session.run(["output", "stateN"], {"input": row[None], "state": state, **_shared(session)})
        yield answer, state


def stream(model: Path, spiking: Path, steps: int) -> Decisions:
    """Return how far both networks decide alike over whole sentences, each fed with the states that it makes itself."""
    import onnx2snn

    rows = frames(with_pauses(spoken(SENTENCES), np.random.default_rng(1)))
    inputs = states(model, rows)
    plain = np.concatenate([answer for answer, _ in _answers(model, rows)])
    network, state, found = onnx2snn.load(spiking), inputs["state"][:, :1], []
    for row in rows:
        made = network({**inputs, "input": row[None], "state": state}, timesteps=steps)
        found.append(made["output"])
        state = made["stateN"]
    return measure({"output": plain}, {"output": np.concatenate(found)})


def taken(inputs: Mapping[str, np.ndarray], places: np.ndarray) -> dict[str, np.ndarray]:
    """Return the samples at `places`."""
    along = {"input": 0, "state": 1}
    return {name: value.take(places, along[name]) if name in along else value for name, value in inputs.items()}


@click.command()
@out_option()
def main(out: Path) -> None:
    """Write the networks, frames of eight sentences, and one in four, left out there, to calibrate with."""
    sound = with_pauses(spoken(SENTENCES), np.random.default_rng(0))
    for network, file in zip(NETWORKS, FILES.values(), strict=True):
        shutil.copyfile(need_file("silero_vad", f"data/{file}", COMMAND), out / network.model)
        inputs = states(out / network.model, frames(sound))
        places = np.arange(len(inputs["input"]))
        save(out / network.calibration, **taken(inputs, places[places % 4 == 0]))
        save(out / network.test, **taken(inputs, places[places % 4 != 0]))


if __name__ == "__main__":
    main()
