"""``python -m gantool``: what torchrun starts."""

from gantool.cli.main import run

if __name__ == "__main__":
    run()
