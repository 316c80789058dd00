"""An autoencoder and a VAE in plain torch, beside a GAN that gantool trained on the same pictures.

    python examples/ideas/autoencoders.py RUN -o autoencoders.png
    python examples/ideas/autoencoders.py RUN --steps 5000 --code 32 -o longer.png

RUN is a model of 28x28 or other small pictures; its data is what all three learn from. The autoencoder minimises the
squared error of its reconstructions. The VAE minimises the negative ELBO, -log p(x | z) + KL(q(z | x) || N(0, 1)), with
p(x | z) a normal around the reconstruction whose one width is learnt too. Printed are the error on held-out pictures,
the ELBO, and the *detail*: the mean size of the step from a pixel to its neighbour, which blur makes small. Random
codes are drawn from N(0, 1); those of the autoencoder get the mean and the spread that its own codes have.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn import functional as F

from gantool import open_model
from gantool.render.grid import grid, to_uint8

CHANNELS, SHOWN, AT_ONCE = 32, 10, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gan", metavar="RUN", help="a model that gantool trained")
    parser.add_argument("--code", type=int, default=16, help="numbers in the code [16]")
    parser.add_argument("--steps", type=int, default=1000, help="of the autoencoder, and of the VAE [1000]")
    parser.add_argument("-n", "--count", type=int, default=1000, help="held-out pictures and samples [1000]")
    parser.add_argument("-o", "--out", default="autoencoders.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = open_model(args.gan)
    data = model.config.create("data")
    train, test = (pictures(data.load(split).values) for split in ("train", "test"))
    held = test[: args.count]

    plain, vae = (Autoencoder(train.shape[1:], args.code, variational=v) for v in (False, True))
    for net in (plain, vae):
        fit(net, train, args.steps)
    with torch.no_grad():
        z = torch.randn(args.count, args.code)
        rows = {
            "real, held out": held,
            "autoencoder": plain(held),
            "VAE": vae(held),
            "autoencoder, random code": plain.decode(plain.like_codes(train[: args.count], z)),
            "VAE, random code": vae.decode(z),
            "GAN, random code": model.samples(model.latents(range(args.count)), model.labels(range(args.count))),
        }
    print(f"{'':<26}detail  error of the reconstruction (RMS, of 2)")
    for name, x in rows.items():
        error = f"{(x - held).square().mean().sqrt():.3f}" if name in ("autoencoder", "VAE") else ""
        print(f"{name:<26}{detail(x):.4f}  {error}")
    print(f"ELBO of the VAE, held out: {vae.elbo(held).mean() / held[0].numel():+.3f} nats a pixel")
    draw({name: x[:SHOWN] for name, x in rows.items()}, args.out)


def pictures(values: np.ndarray) -> Tensor:
    """Turn stored uint8 pictures into floats in [-1, 1]."""
    return torch.from_numpy(values).float() / 127.5 - 1


class Autoencoder(nn.Module):
    """x -> code -> x; variational: x -> a normal distribution of codes -> x."""

    def __init__(self, shape: torch.Size, code: int, *, variational: bool) -> None:
        super().__init__()
        colours, height, width = shape
        inner = (2 * CHANNELS, height // 4, width // 4)
        self.variational = variational
        self.encoder = nn.Sequential(
            *(nn.Conv2d(colours, CHANNELS, 4, 2, 1), nn.LeakyReLU(0.2)),
            *(nn.Conv2d(CHANNELS, 2 * CHANNELS, 4, 2, 1), nn.BatchNorm2d(2 * CHANNELS), nn.LeakyReLU(0.2)),
            *(nn.Flatten(), nn.Linear(math.prod(inner), 2 * code)),
        )
        self.decode = nn.Sequential(
            *(nn.Linear(code, math.prod(inner)), nn.Unflatten(1, inner), nn.BatchNorm2d(2 * CHANNELS), nn.ReLU()),
            *(nn.ConvTranspose2d(2 * CHANNELS, CHANNELS, 4, 2, 1), nn.BatchNorm2d(CHANNELS), nn.ReLU()),
            *(nn.ConvTranspose2d(CHANNELS, colours, 4, 2, 1), nn.Tanh()),
        )
        self.log_width = nn.Parameter(torch.zeros(()))  # of p(x | z), for the VAE

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction, by the mean code."""
        mean, _ = self.encoder(x).chunk(2, 1)
        y: Tensor = self.decode(mean)
        return y

    def like_codes(self, x: Tensor, z: Tensor) -> Tensor:
        """Give ``z [N, code]`` from N(0, 1) the mean and the spread, number by number, of the codes of pictures."""
        mean, _ = self.encoder(x).chunk(2, 1)
        return mean.mean(0) + mean.std(0) * z

    def elbo(self, x: Tensor) -> Tensor:
        """Return a lower bound of log p(x) ``[N]``, by one drawn code for each picture."""
        mean, log_std = self.encoder(x).chunk(2, 1)
        error = self.decode(mean + log_std.exp() * torch.randn_like(mean)) - x
        log_p = -0.5 * (error / self.log_width.exp()).square() - self.log_width - 0.5 * math.log(2 * math.pi)
        divergence = 0.5 * (mean.square() + (2 * log_std).exp() - 2 * log_std - 1)
        return log_p.flatten(1).sum(1) - divergence.sum(1)

    def loss(self, x: Tensor) -> Tensor:
        """Return what is minimised."""
        return -self.elbo(x).mean() / x[0].numel() if self.variational else F.mse_loss(self(x), x)


def fit(net: Autoencoder, x: Tensor, steps: int) -> None:
    """Train by Adam on batches of random pictures, and leave the network in eval mode."""
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        net.loss(x[torch.randint(len(x), (AT_ONCE,))]).backward()
        optimizer.step()
    net.eval()


def detail(x: Tensor) -> float:
    """Return the mean size of the step from a pixel to the next, down and across."""
    return float((x.diff(dim=2).abs().mean() + x.diff(dim=3).abs().mean()) / 2)


def draw(rows: dict[str, Tensor], out: str) -> None:
    """Draw a row of pictures for each name."""
    tiles = grid(to_uint8(torch.cat(list(rows.values()))), SHOWN).convert("RGB")
    font, left = ImageFont.load_default(12), 180
    sheet = Image.new("RGB", (tiles.width + left, tiles.height), "white")
    sheet.paste(tiles, (left, 0))
    for row, name in enumerate(rows):
        middle = (row + 0.5) * tiles.height / len(rows)
        ImageDraw.Draw(sheet).text((left - 8, middle), name, "black", font, anchor="rm")
    sheet.save(out)


if __name__ == "__main__":
    main()
