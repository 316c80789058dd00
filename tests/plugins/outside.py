"""One file, given by ``--plugin``, that adds a loss, an enforcer and a dataset; gantool knows none of them."""

from typing import Annotated

import numpy as np

from gantool import Component, Condition, DataInfo, Meta, Options, Samples, hookimpl

GANTOOL_API = 1


class ShrinkOptions(Options, frozen=True):
    decay: Annotated[float, Meta(ge=0, le=1, description="share of each weight that goes after a step")] = 0.5


class DotsOptions(Options, frozen=True):
    size: Annotated[int, Meta(ge=2, le=64, description="side in pixels")] = 8
    length: Annotated[int, Meta(ge=2, description="examples")] = 20


class Hinge:
    """Lim and Ye 2017, eq. 3 and 4."""

    needs_real_for_generator = False

    def __init__(self, options):
        pass

    def discriminator(self, real_scores, fake_scores):
        return (1 - real_scores).relu().mean() + (1 + fake_scores).relu().mean()

    def generator(self, fake_scores, real_scores=None):
        return -fake_scores.mean()


class Shrink:
    """Makes the critic's weights smaller after each step."""

    def __init__(self, options):
        self.keep = 1 - options.decay

    def prepare(self, D):
        self.after_step(D)

    def penalty(self, D, real, fake, c, step):
        return None

    def after_step(self, D):
        for weight in D.parameters():
            weight.data.mul_(self.keep)


class Dots:
    """Pictures that are all dark or all bright."""

    def __init__(self, options):
        self.options = options

    def describe(self):
        shape = (1, self.options.size, self.options.size)
        return DataInfo(shape, self.options.length, Condition("classes", ("dark", "bright")), "dots")

    def load(self, split=None):
        labels = np.arange(self.options.length, dtype=np.int64) % 2
        pixels = (labels * 255).astype(np.uint8)[:, None, None, None]
        return Samples(np.broadcast_to(pixels, (len(labels), *self.describe().shape)).copy(), labels)


@hookimpl
def gantool_components():
    return [
        Component("loss", "hinge", f"{__name__}:Hinge", "Hinge loss.", recipe={"lipschitz": "shrink"}),
        Component("lipschitz", "shrink", f"{__name__}:Shrink", "Weights shrink.", ShrinkOptions),
        Component("dataset", "dots", f"{__name__}:Dots", "Dark and bright pictures.", DotsOptions),
    ]
