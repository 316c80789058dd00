"""Training: the step's two phases, the loop around them, and everything that makes a run exact and resumable."""
