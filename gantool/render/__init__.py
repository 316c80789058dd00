"""Pictures: grids, scatters, plots, animations, and the latent that a generated PNG carries."""
