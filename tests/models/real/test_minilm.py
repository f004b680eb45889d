from types import SimpleNamespace

import click
import numpy as np
import pytest
import torch
from torch import nn

from models.real import minilm
from models.real.minilm import SentenceEmbedding, choose, first_sentences, tokenize

SOURCE = '''
"""Reads and writes
files. It does more."""

class A:
    """too short."""

async def f():
    """Return version 3.11 of it

    and no full stop.
    """

def g():
    """Send mail to all readers!"""
'''


def test_first_sentences_of_docstrings():
    assert list(first_sentences(SOURCE)) == ["Reads and writes files.", "Send mail to all readers!"]


def test_choose_takes_every_length_in_turn():
    sentences = ["b b b.", "a a a.", "a a a.", "c c c.", "a a a a.", "a a a a a."]
    assert choose(sentences, 4) == ["a a a a a.", "a a a a.", "a a a.", "b b b."]
    with pytest.raises(click.ClickException, match="only 5 of the 6 sentences needed"):
        choose(sentences, 6)


def test_padding_does_not_change_an_embedding():
    class Bert(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(50, 6)

        def forward(self, ids, attention_mask, token_type_ids):
            return (self.table(ids),)

    torch.manual_seed(0)
    network = SentenceEmbedding(Bert())
    ids = torch.tensor([[3, 9, 27]])
    expected = network.bert.table(ids[0]).mean(0)
    padded = network(torch.tensor([[3, 9, 27, 0, 0]]), torch.tensor([[1, 1, 1, 0, 0]]), torch.zeros(1, 5).long())
    torch.testing.assert_close(padded[0], expected / expected.norm())


def test_tokenize_makes_one_array_of_each_input(monkeypatch, tmp_path):
    class Tokenizer:
        @classmethod
        def from_file(cls, path):
            assert path == str(tmp_path / "tokenizer.json")
            return cls()

        def enable_padding(self, pad_id, pad_token):
            assert (pad_id, pad_token) == (0, "[PAD]")

        def encode_batch(self, sentences):
            return [SimpleNamespace(ids=[i, 2], attention_mask=[1, 0], type_ids=[0, 0]) for i in range(len(sentences))]

    monkeypatch.setattr(minilm, "need", lambda module, command: SimpleNamespace(Tokenizer=Tokenizer))
    inputs = tokenize(tmp_path, ["a", "b", "c"])
    assert list(inputs) == ["input_ids", "attention_mask", "token_type_ids"]
    assert {value.dtype for value in inputs.values()} == {np.dtype(np.int64)}
    np.testing.assert_array_equal(inputs["input_ids"], [[0, 2], [1, 2], [2, 2]])
    np.testing.assert_array_equal(inputs["attention_mask"], [[1, 0]] * 3)
