"""What a trained model is worth: features of pictures, metrics, and what its own discriminator says."""
