"""A small residual network and synthetic images for it: work for a GPU, of a size to choose."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much there is to do.

    Attributes:
        width: Channels of the first stage; the others have 2 and 4 times as many.
        blocks: Residual blocks of each of the three stages.
        batch: Images of a batch.
        batches: Batches of an epoch.
    """

    width: int
    blocks: int
    batch: int
    batches: int


FULL = Size(width=64, blocks=2, batch=512, batches=40)
TINY = Size(width=4, blocks=1, batch=8, batches=3)


class Block(nn.Module):
    """Two convolutions, and the way around them."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = stride == 1 and inputs == outputs
        self.around = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride=stride)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Shape (batch, inputs, h, w) to (batch, outputs, h / stride, w / stride)."""
        return self.relu(self.path(x) + self.around(x))  # type: ignore[no-any-return]


def network(size: Size, device: torch.device) -> nn.Sequential:
    """The residual network, always with the same first weights."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(3, size.width, 3, padding=1)]
    channels = size.width
    for stage in range(3):
        for block in range(size.blocks):
            outputs = size.width * 2**stage
            stride = 2 if stage and not block else 1
            layers.append(Block(channels, outputs, stride=stride))
            channels = outputs
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]
    return nn.Sequential(*layers).to(device, memory_format=_layout(device))  # type: ignore[call-overload, no-any-return]


def images(size: Size, device: torch.device) -> list[Batch]:
    """Batches on the host, pinned where there is a GPU: noise, brighter for a higher class."""
    generator = torch.Generator().manual_seed(1)
    batches = []
    for _ in range(size.batches):
        labels = torch.randint(10, (size.batch,), generator=generator)
        noise = torch.randn(size.batch, 3, 32, 32, generator=generator)
        pixels = noise + labels.view(-1, 1, 1, 1) / 5
        pixels = pixels.contiguous(memory_format=_layout(device))
        pin = device.type == "cuda"
        batches.append((pixels.pin_memory(), labels.pin_memory()) if pin else (pixels, labels))
    return batches


def _layout(device: torch.device) -> torch.memory_format:
    """How images lie in memory: channels last on a GPU, where that is the fast form.

    Not on a CPU: torch 2.13 writes past its memory there, in the backward pass of a 1 × 1
    convolution of stride 2 over 4 channels that come last.
    """
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format
