"""Settings that were measured on the datasets, not published; a dataset's recipe brings them where they apply.

The published ones are one flag away: ``--recipe wgan-gp-2017``.
"""

from __future__ import annotations

from typing import Any

# Upsampling and convolution leave no checkerboard, and nearest draws sharper corners than bilinear; the label keeps
# the generator from drawing halves of two shapes; layer norm beat none; a penalty every second step saves time.
SHAPES: dict[str, Any] = {
    "condition": "onehot",
    "when": [
        {"arch": {"name": "dcgan", "channels": 24, "upsample": "nearest", "kernel": 3}},
        {
            "arch": "dcgan",
            "loss": "wgan-gp",
            "lipschitz": {"name": "gp", "every": 2},
            "training": {
                "steps": 2800,
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
# 28x28 grey pictures: half the published width is enough, and learns more in the same minutes. Rates that fall to 0
# leave the last weights as good as their average.
GREY: dict[str, Any] = {
    "when": [
        {"arch": {"name": "dcgan", "channels": 32}},
        {
            "arch": "dcgan",
            "loss": "bce",
            "training": {"steps": 8000, "lr_g": 1e-3, "lr_d": 5e-4, "betas": [0.5, 0.99], "lr_schedule": "linear"},
        },
        {
            # Of Fashion-MNIST, 2,000 steps, seed 0: FID 23 with these; 45 with rates of 5e-4, and 51 (nearest) or 76
            # (bilinear) with kernels of 3 besides.
            "arch": "dcgan",
            "loss": "wgan-gp",
            "lipschitz": {"name": "gp", "every": 2},
            "training": {"steps": 5000, "n_critic": 1, "lr_g": 2e-3, "lr_d": 1e-3, "lr_schedule": "linear"},
        },
        {
            # With the published rates and bound, a quarter of an hour gave blurs without a class; with equal rates, or
            # upsampling that lacks what is finest in a picture, the critic tells all fakes apart and G learns nothing.
            "arch": "dcgan",
            "loss": "wgan-clip",
            "lipschitz": {"name": "clip", "bound": 0.1},
            "training": {
                "steps": 6000,
                "n_critic": 1,
                "optimizer": "adam",
                "lr_g": 5e-4,
                "lr_d": 1e-4,
                "betas": [0.0, 0.9],
                "lr_schedule": "linear",
            },
        },
    ],
}
# Points need small networks and fp32: bf16 has three digits, and a mode is a hundredth wide. z has two dimensions: in
# sixteen more of it lies near a border between modes. Of the grid's samples 27 % were of high quality there, 84 % here
# (--loss bce --lipschitz gp --lipschitz.target 0 --lipschitz.weight 0.1 --betas 0,0.9 --steps 5000, seed 0 alone).
GAUSSIANS: dict[str, Any] = {
    "arch": "mlp",
    "when": [
        {
            "arch": {"name": "mlp", "hidden_g": [128, 128, 128], "hidden_d": [128, 128, 128], "norm_g": "none"},
            "training": {
                "steps": 6000,
                "batch_size": 256,
                "latent_dim": 2,
                "precision": "fp32",
                "lr_g": 1e-3,
                "lr_d": 1e-3,
                "lr_schedule": "linear",
            },
        },
        {
            "arch": "mlp",
            "loss": "wgan-gp",
            "lipschitz": {"name": "gp", "weight": 0.1},
            "training": {"n_critic": 2, "lr_g": 1e-3, "lr_d": 1e-3, "betas": [0.5, 0.9]},
        },
        {
            "arch": "mlp",
            "loss": "wgan-clip",
            "lipschitz": {"name": "clip", "bound": 0.1},
            "training": {"n_critic": 2, "lr_g": 5e-4, "lr_d": 5e-4},
        },
    ],
}
