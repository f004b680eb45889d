import torch

from models.vit import EncoderBlock, VisionTransformer


def test_a_block_does_not_care_for_the_order_of_the_tokens():
    torch.manual_seed(0)
    block = EncoderBlock(width=8, heads=2, hidden=5).eval()
    x = torch.randn(2, 6, 8)
    order = torch.tensor([3, 0, 5, 1, 2, 4])
    torch.testing.assert_close(block(x[:, order]), block(x)[:, order])


def test_positions_make_the_order_of_the_patches_matter():
    torch.manual_seed(0)
    network = VisionTransformer(size=8, patch=4, width=8, heads=2, depth=1).eval()
    image = torch.randn(1, 1, 8, 8)
    swapped = image.roll(4, dims=3)
    assert not torch.allclose(network(image), network(swapped), atol=1e-5)
    network.positions.data.zero_()
    torch.testing.assert_close(network(image), network(swapped))
