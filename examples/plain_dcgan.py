"""A DCGAN in one file: the usual fp32 training loop, to read and to time beside gantool's.

    python examples/plain_dcgan.py --steps 1000 -o shapes.png
    python examples/plain_dcgan.py --data fashion-mnist --root DIR --size 32 --channels 32 --minutes 10
    python examples/plain_dcgan.py --data folder --root photos --size 64 --batch-size 128 -o photos.png

The same networks, losses and optimizers, on the same pictures:

    gantool train --recipe dcgan-2015 --data shapes --arch.channels 64 --batch-size 64 --precision fp32 --steps 1000

gantool is used to read the pictures alone.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.utils import save_image

from gantool import Tier, load_plugins, resolve

LATENT = 100
LR, BETAS = 2e-4, (0.5, 0.999)
MOST = 512  # channels of any layer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="shapes", help="a dataset of gantool [shapes]")
    parser.add_argument("--root", help="where its files are")
    parser.add_argument("--size", type=int, help="side of the pictures: 8, 16, 32, 64, ...")
    parser.add_argument("--channels", type=int, default=64, help="of the layers next to the picture [64]")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--minutes", type=float, help="train for this long, instead of --steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", help="keep G's weights, as torch.save writes a state dict")
    parser.add_argument("-o", "--out", default="plain_dcgan.png", help="the grid at the end")
    args = parser.parse_args()

    images = pictures(args.data, args.root, args.size)
    if images.dim() != 4:
        parser.error(f"--data {args.data}: holds vectors of {images.shape[1]}; pictures are needed; try --data shapes")
    _, colours, height, width = images.shape
    if height != width or height < 8 or height & (height - 1):
        parser.error(f"--size: the pictures are {height}x{width}; squares of 8, 16, 32, ... are needed; try --size 32")
    if len(images) < args.batch_size:
        parser.error(f"--batch-size: there are {len(images)} pictures; at most that many make a batch")

    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    G = generator(colours, height, args.channels).to(device)
    D = discriminator(colours, height, args.channels).to(device)
    optimizer_g = torch.optim.Adam(G.parameters(), lr=LR, betas=BETAS)
    optimizer_d = torch.optim.Adam(D.parameters(), lr=LR, betas=BETAS)
    print(f"{len(images)} pictures; G has {parameters(G):,} parameters, D {parameters(D):,}")

    began = time.monotonic()
    for step, real in enumerate(batches(images, args.batch_size, device), 1):
        z = latents(len(real), device)
        loss_d, loss_g = train_step(G, D, optimizer_g, optimizer_d, real, z)
        seconds = time.monotonic() - began
        done = step >= args.steps if args.minutes is None else seconds >= 60 * args.minutes
        if done or step % 100 == 0:
            rate = step * args.batch_size / seconds
            print(f"step {step}  loss_d {loss_d.item():.4f}  loss_g {loss_g.item():.4f}  {rate:.0f} images/s")
        if done:
            break

    G.eval()
    with torch.no_grad():
        save_image(G(latents(64, device)), args.out, nrow=8, normalize=True, value_range=(-1, 1))
    if args.save:
        torch.save(G.state_dict(), args.save)
    print(f"Pictures: {args.out}")


def pictures(name: str, root: str | None, size: int | None) -> Tensor:
    """Return all pictures of one of gantool's datasets: uint8 [N, C, H, W]."""
    given = {key: value for key, value in {"name": name, "root": root, "size": size}.items() if value is not None}
    samples = resolve(load_plugins().registry, [Tier("flags", {"data": given})]).create("data").load()
    return torch.from_numpy(np.array(samples.values))


def batches(images: Tensor, n: int, device: torch.device) -> Iterator[Tensor]:
    """Yield floats [n, C, H, W] in [-1, 1], epoch after epoch; what is left of an epoch is dropped."""
    while True:
        for rows in torch.randperm(len(images)).split(n):
            if len(rows) == n:
                yield images[rows].to(device).float() / 127.5 - 1


def latents(n: int, device: torch.device) -> Tensor:
    """Return z [n, LATENT], uniform in [-1, 1]."""
    return torch.rand(n, LATENT, device=device) * 2 - 1


def widths(size: int, channels: int) -> list[int]:
    """Return the channels of the layers from the picture's side inwards, down to 4x4."""
    return [min(channels * 2**layer, MOST) for layer in range(int(math.log2(size)) - 2)]


def generator(colours: int, size: int, channels: int) -> nn.Sequential:
    """z [N, LATENT] -> pictures [N, colours, size, size] in [-1, 1]."""
    inner = widths(size, channels)[::-1]
    layers: list[nn.Module] = [nn.Unflatten(1, (LATENT, 1, 1)), nn.ConvTranspose2d(LATENT, inner[0], 4, bias=False)]
    for layer, width in enumerate(inner, 1):  # 4x4 -> 8x8 -> ... -> size
        last = layer == len(inner)
        out = colours if last else inner[layer]
        layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.ConvTranspose2d(width, out, 4, 2, 1, bias=last)]
    return nn.Sequential(*layers, nn.Tanh()).apply(initialise)


def discriminator(colours: int, size: int, channels: int) -> nn.Sequential:
    """Pictures [N, colours, size, size] -> logits [N]."""
    outputs = widths(size, channels)
    layers: list[nn.Module] = [nn.Conv2d(colours, outputs[0], 4, 2, 1), nn.LeakyReLU(0.2)]
    for width, out in itertools.pairwise(outputs):
        layers += [nn.Conv2d(width, out, 4, 2, 1, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(outputs[-1] * 4 * 4, 1), nn.Flatten(0)).apply(initialise)


def initialise(module: nn.Module) -> None:
    """Draw weights from N(0, 0.02) and the scales of batch norms from N(1, 0.02)."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def train_step(
    G: nn.Module,
    D: nn.Module,
    optimizer_g: torch.optim.Optimizer,
    optimizer_d: torch.optim.Optimizer,
    real: Tensor,
    z: Tensor,
) -> tuple[Tensor, Tensor]:
    """Update D, then G, on one batch; return both losses."""
    ones, zeros = torch.ones(len(real), device=real.device), torch.zeros(len(real), device=real.device)
    fake = G(z)

    optimizer_d.zero_grad()
    loss_d = F.binary_cross_entropy_with_logits(D(real), ones)
    loss_d = loss_d + F.binary_cross_entropy_with_logits(D(fake.detach()), zeros)
    loss_d.backward()
    optimizer_d.step()

    optimizer_g.zero_grad()
    loss_g = F.binary_cross_entropy_with_logits(D(fake), ones)
    loss_g.backward()
    optimizer_g.step()
    return loss_d.detach(), loss_g.detach()


def parameters(network: nn.Module) -> int:
    """Return the number of a network's parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


if __name__ == "__main__":
    main()
