"""Latents: the prior, seeds, and models opened for sampling."""
