import torch

from models.mlp_mixer import MixerBlock, MlpMixer


def test_a_block_mixes_tokens_then_channels():
    torch.manual_seed(0)
    block = MixerBlock(tokens=5, channels=4, token_hidden=3, channel_hidden=6)
    x = torch.randn(2, 5, 4)
    changed = x.clone()
    changed[:, 0] += torch.randn(4)
    moved = (block(changed) - block(x)).abs().amax((0, 2))
    assert (moved > 0).all(), "every token sees the first"
    block.token_mixing[2].weight.data.zero_()
    block.token_mixing[2].bias.data.zero_()
    moved = (block(changed) - block(x)).abs().amax((0, 2))
    assert moved[0] > 0
    assert (moved[1:] == 0).all(), "channel mixing leaves the tokens apart"


def test_patches_are_the_tokens():
    network = MlpMixer(size=8, patch=4, channels=6, depth=1)
    assert network.blocks[0].token_mixing[0].in_features == 4
    assert network(torch.zeros(3, 1, 8, 8)).shape == (3, 10)
