"""Settings that come with the dataset: what the README's run was trained with."""

from __future__ import annotations

from typing import Any

# A code that is learned, for a plane in D for each of 200 attributes would cost more than all the rest of D. With
# cross-entropy the generator drew one picture for most keywords; with nearest-neighbour upsampling, blocks.
RECIPE: dict[str, Any] = {
    "condition": {"name": "embedding", "width": 16},
    "loss": "wgan-gp",
    "when": [
        {"arch": {"name": "dcgan", "channels": 24, "upsample": "bilinear", "kernel": 3}},
        {
            "arch": "dcgan",
            "loss": "wgan-gp",
            "lipschitz": {"name": "gp", "every": 2},
            "training": {
                "steps": 5000,
                "batch_size": 32,
                "n_critic": 1,
                "lr_g": 1e-3,
                "lr_d": 1e-3,
                "lr_schedule": "linear",
                "latent_dim": 32,
            },
        },
    ],
}
