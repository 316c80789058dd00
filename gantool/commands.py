"""The commands that come with gantool, which no plugin may take the place of; each has a module in ``gantool.cli``."""

from __future__ import annotations

__all__ = ["COMMANDS"]

COMMANDS = {
    "train": "Train a GAN and leave a run folder with pictures and checkpoints.",
    "sample": "Make pictures with a trained model.",
    "interpolate": "Morph between latents, pictures, seeds, classes or checkpoints.",
    "steer": "Turn features up and down, and measure what else changed.",
    "evaluate": "Measure a model: FID, KID, coverage, accuracy of classes and more.",
    "score": "Say how real pictures look to a trained discriminator.",
    "direction": "Find, clean, audit and show directions in the latent space.",
    "classifier": "Train a classifier, or label pictures and samples with one.",
    "convert": "Turn a foreign generator into a checkpoint, or a checkpoint into a state dict.",
    "components": "List what a GAN can be made of, and its options.",
    "plugin": "List plugins and say how each one fares.",
    "data": "List, look into and pack datasets.",
    "report": "Put a run, or an audit of directions, into one HTML file.",
    "inspect": "Explain a file: checkpoint, latents, dataset, picture, foreign file.",
}
