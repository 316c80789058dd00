"""How good are the shapes that a model draws? A small classifier, trained here on real shapes, judges its samples.

    python tests/benchmarks/shapes_quality.py runs/shapes-dcgan-wgan-gp [MORE ...]

Prints the classifier's accuracy on test data, then for each model the share of 500 samples that it is sure of
(confidence of at least 0.9) and the share of each class among all samples.
"""

from __future__ import annotations

import argparse

import torch
from torch import nn
from torch.nn import functional as F

from gantool import load_plugins, open_model, resolve
from gantool.training.batches import Batches, to_device

SAMPLES, SURE = 500, 0.9


def classifier(channels: int, classes: int) -> nn.Sequential:
    """Return a small convolutional network for pictures of any size."""
    layers: list[nn.Module] = []
    for width in (16, 32, 64):
        layers += [
            nn.Conv2d(channels, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, classes))


def main(paths: list[str]) -> None:
    torch.manual_seed(0)
    dataset = resolve(load_plugins().registry).create("data")
    names = dataset.describe().condition.names
    samples, test = dataset.load("train"), dataset.load("test")
    network = classifier(3, len(names))
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    batches = Batches(samples, 64, seed=1)
    for number in range(800):
        values, labels = batches[number]
        x = to_device(values, torch.device("cpu"), torch.contiguous_format)
        loss = F.cross_entropy(network(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.inference_mode():
        real = to_device(torch.from_numpy(test.values), torch.device("cpu"), torch.contiguous_format)
        right = network(real).argmax(1) == torch.from_numpy(test.labels)
        print(f"classifier: {right.float().mean():.1%} right on {len(real)} test pictures")
        for path in paths:
            model = open_model(path)
            seeds = list(range(SAMPLES))
            chances = network(model.samples(model.latents(seeds), model.labels(seeds))).softmax(1)
            sure = (chances.max(1).values >= SURE).float().mean()
            shares = torch.bincount(chances.argmax(1), minlength=len(names)) / SAMPLES
            each = ", ".join(f"{name} {share:.1%}" for name, share in zip(names, shares, strict=True))
            print(f"{path}: sure of {sure:.1%} of {SAMPLES}; {each}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", metavar="RUN", nargs="+")
    main(parser.parse_args().models)
