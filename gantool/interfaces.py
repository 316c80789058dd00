"""What each kind of component must do, and the plain data that passes between them.

Images are ``[N, C, H, W]`` floats in [-1, 1], vectors ``[N, D]``, latents ``z [N, latent_dim]``; a condition ``c``
is int64 ``[N]`` (classes) or float ``[N, A]`` (attributes). This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from gantool.errors import typed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from torch import Tensor, nn

    from gantool.config import RunConfig

    Critic = Callable[[Tensor, Tensor | None], Tensor]  # D(x, c) -> raw scores [N]


@dataclass(frozen=True)
class Condition:
    """What a model is conditioned on: the names of its classes or of its attributes."""

    kind: Literal["classes", "attributes"]
    names: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def is_like(self, other: Condition | None) -> bool:
        """Whether another condition has the same names in the same order; their words may differ."""
        return other is not None and (self.kind, self.names) == (other.kind, other.names)


@dataclass(frozen=True)
class DataInfo:
    """What a dataset holds, known without reading its pictures.

    ``shape`` is ``(C, H, W)`` for images and ``(D,)`` for vectors; ``length`` counts the examples of the split that
    the options name; ``condition`` is None for unlabelled data; ``fingerprint`` changes when the data does.
    """

    shape: tuple[int, ...]
    length: int
    condition: Condition | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class Modes:
    """Where points gather: around each of the ``centres [K, D]`` with the standard deviation ``sigma``."""

    centres: np.ndarray[Any, Any]
    sigma: float


@dataclass(frozen=True)
class Samples:
    """Examples in memory or memory-mapped.

    ``values``: uint8 images ``[N, C, H, W]`` or float32 vectors ``[N, D]``. ``labels``: int64 ``[N]``, float32
    ``[N, A]``, or None. ``factors``: exact continuous causes by name, each float32 ``[N]``, where they are known;
    those that are ``circular`` wrap around with a period of 1. ``modes``: where vectors gather, if that is known.
    """

    values: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any] | None = None
    factors: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    circular: tuple[str, ...] = ()
    modes: Modes | None = None


@dataclass(frozen=True)
class Slot:
    """A part of z: ``dim`` numbers, N(0, 1) for ``normal``, U(-1, 1) for ``uniform``, one-hot for ``categorical``."""

    name: str
    distribution: str
    dim: int


@dataclass(frozen=True)
class Spec:
    """What a network is built for.

    ``input_dim`` is the width of the generator's input after conditioning and ``code_dim`` that of its code (0: none);
    ``extra_channels`` are appended to the discriminator's input by the conditioning. ``critic_norms`` are the norms
    that the enforcer allows in D, the preferred first; None allows any.
    """

    shape: tuple[int, ...]
    latent_dim: int
    input_dim: int
    code_dim: int = 0
    extra_channels: int = 0
    critic_norms: tuple[str, ...] | None = None
    condition: Condition | None = None


class Step(Protocol):
    """One step of training as a component sees it."""

    @property
    def number(self) -> int:
        """The step's number, from 0."""
        ...

    def rand(self, stream: str, *shape: int) -> Tensor:
        """Draw uniform numbers in [0, 1) on the step's device; the same stream and step give the same draw.

        The first of ``shape`` counts the samples: where a batch is cut up, each part gets its own of the numbers that
        the whole batch would get.
        """
        ...


class Generator(Protocol):
    """``G(z, code)`` -> images ``[N, C, H, W]`` in [-1, 1] or vectors ``[N, D]``."""

    def __call__(self, z: Tensor, code: Tensor | None = None) -> Tensor: ...


class Discriminator(Protocol):
    """A feature extractor and a scorer; the score is raw, never a sigmoid.

    One that compares the samples of a batch by other means than a batch norm says so: ``batch_statistics = True``.
    """

    feature_dim: int

    def features(self, x: Tensor) -> Tensor:
        """``x [N, C + extra, H, W]`` -> ``h [N, feature_dim]``."""
        ...

    def score(self, h: Tensor) -> Tensor:
        """``h [N, feature_dim]`` -> scores ``[N]``."""
        ...


class Architecture(Protocol):
    """Kind ``architecture``: builds the two networks for any shape of data."""

    def build_generator(self, spec: Spec) -> nn.Module: ...

    def build_discriminator(self, spec: Spec) -> nn.Module: ...


class Loss(Protocol):
    """Kind ``loss``: two scalars to minimise, from raw scores ``[N]``.

    One whose scores are logits of "this is real" says so: ``scores_are_logits = True``.
    """

    needs_real_for_generator: bool

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor: ...

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Tensor: ...


class Lipschitz(Protocol):
    """Kind ``lipschitz``: a constraint on the critic, or a penalty added to its loss.

    One that holds the critic's slope to a number says which: ``slope``; one that keeps every weight in [-b, b] says
    ``bound = b``.
    """

    def prepare(self, D: nn.Module) -> None:
        """Change D once, after it is built and before its optimizer is."""
        ...

    def penalty(self, D: Critic, real: Tensor, fake: Tensor, c: Tensor | None, step: Step) -> Tensor | None:
        """Return a scalar to add to the critic's loss, or None; ``step.number`` counts critic steps.

        D is a callable, ``D(x, c) -> [N]``, through augmentations and under autocast; ``prepare`` got the network.
        """
        ...

    def after_step(self, D: nn.Module) -> None:
        """Act after each step of D's optimizer."""
        ...


class GeneratorSide(Protocol):
    """Turns ``z`` and ``c`` into the generator's input and code; saved, averaged and optimised with G."""

    input_dim: int
    code_dim: int

    def __call__(self, z: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor | None]: ...


class DiscriminatorSide(Protocol):
    """Shows the condition to D; may define ``score_term(h, c) -> [N]``, which is added to the score."""

    def inputs(self, x: Tensor, c: Tensor | None) -> Tensor: ...


class Conditioning(Protocol):
    """Kind ``conditioning``: how a class or attributes reach G and D.

    Where ``uses_labels`` is false the condition is always None and so is ``c``; where it is true, neither is.
    """

    uses_labels: bool

    def extra_channels(self, condition: Condition | None) -> int: ...

    def generator_side(self, latent_dim: int, condition: Condition | None) -> nn.Module: ...

    def discriminator_side(self, feature_dim: int, condition: Condition | None) -> nn.Module: ...


class Dataset(Protocol):
    """Kind ``dataset``: a source of examples with their names.

    May define ``pack(path, tick) -> PackReport`` (of ``gantool.files.pack_writer``), which writes all splits of its
    pictures into a pack and tells ``tick(done, total)`` how far it is; else what ``load()`` gives is copied.
    """

    def describe(self) -> DataInfo:
        """Say what the data is, without reading all of it."""
        ...

    def load(self, split: str | None = None) -> Samples:
        """Read a split; None is the one that the options name."""
        ...


class Classifier(Protocol):
    """Kind ``classifier``: a network that tells what is in a picture.

    ``names`` are those of its outputs where it comes trained, each output then being a class's logit; None where
    gantool trains it.
    """

    names: tuple[str, ...] | None

    def network(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Return a network from ``x`` of a shape ``(C, H, W)`` or ``(D,)``, in [-1, 1], to ``[N, outputs]``."""
        ...


@dataclass(frozen=True)
class Evidence:
    """What a finder of directions may look at.

    ``G(z, c)`` makes samples and is frozen but differentiable; ``network`` is its module. ``z [N, D]`` and ``c`` are
    latents of the prior, whose ``slots`` lie in z one behind the other. ``names`` are the features to find a direction
    for; ``scores [N, K]`` are theirs in the samples of z, ``thresholds [K]`` where each begins to be there, and
    ``score(x) -> [N, K]`` the differentiable classifier. ``pair`` holds two latents ``[D]`` to go from and to.
    """

    G: Callable[[Tensor, Tensor | None], Tensor]
    network: nn.Module
    slots: tuple[Slot, ...]
    z: Tensor
    c: Tensor | None = None
    names: tuple[str, ...] = ()
    scores: Tensor | None = None
    thresholds: Tensor | None = None
    score: Callable[[Tensor], Tensor] | None = None
    pair: tuple[Tensor, Tensor] | None = None
    seed: int = 0


@dataclass(frozen=True)
class Direction:
    """One direction in z: ``vector [D]`` of any length; the feature is there where ``vector . z + intercept > 0``.

    ``figures`` say how well it fits: ``accuracy``, ``r2``, ``variance``, ...
    """

    name: str
    vector: Tensor
    intercept: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


class Finder(Protocol):
    """Kind ``direction-finder``: ``needs`` says which parts of the evidence it cannot do without.

    ``z`` are many latents, which scores imply; a finder that names neither is shown but a few, and ``-n`` is refused.
    """

    needs: tuple[Literal["z", "scores", "score", "pair"], ...]

    def find(self, evidence: Evidence) -> list[Direction]:
        """Return directions, one for each of ``evidence.names`` or as many as the finder was asked for."""
        ...


@dataclass(frozen=True)
class Foreign:
    """A foreign generator in gantool's terms.

    ``settings`` is a tree of settings, ``tensors`` the generator's state by gantool's names, ``classes`` counts the
    inputs behind z that name a class; ``with_classes`` are the settings of a generator whose input ends so.
    """

    settings: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    shape: tuple[int, ...]
    latent_dim: int
    classes: int = 0
    with_classes: Mapping[str, Any] = field(default_factory=dict)


class Converter(Protocol):
    """Kind ``converter``: reads the tensors of other tools' generators, and writes ours by their names."""

    def read(self, tensors: Mapping[str, Tensor]) -> Foreign | None:
        """Return the generator that a state dict holds, or None where it is of another make."""
        ...

    def write(self, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
        """Return a generator's tensors by the other tool's names, or None where it has no such network."""
        ...


@dataclass(frozen=True)
class Generated:
    """What a step of the generator made: ``x = G(z, c)`` and ``h [N, F]``, D's features of it, both with a graph.

    ``codes [N, K]`` is the part of z that a regularizer's own slots fill.
    """

    z: Tensor
    c: Tensor | None
    x: Tensor
    h: Tensor
    codes: Tensor


@dataclass(frozen=True)
class Real:
    """The real batch of a step; ``features()`` computes D's features of it ``[N, F]``, without a graph."""

    x: Tensor
    c: Tensor | None
    features: Callable[[], Tensor]


class Regularizer(Protocol):
    """Kind ``regularizer``: a term added to the generator's loss; it may own slots of z and a module beside G."""

    def slots(self) -> tuple[Slot, ...]:
        """Return the slots that it adds to z."""
        ...

    def module(self, shape: tuple[int, ...], feature_dim: int, condition: Condition | None) -> nn.Module | None:
        """Return a module that G's optimizer trains and that is saved with the run, or None."""
        ...

    def term(self, G: nn.Module, fake: Generated, real: Real, module: nn.Module | None, step: Step) -> Tensor | None:
        """Return a scalar to add to the generator's loss, or None; D is frozen, ``G(z, c)`` may be called again."""
        ...


class Augmentation(Protocol):
    """Kind ``augmentation``: changes what D sees, real and generated samples alike, differentiably.

    Penalties take the slope at what was there before. G's pictures themselves, and D in evaluations, are left alone.
    Buffers of one number and what ``measure`` returns are logged, as ``NAME.buffer`` and ``NAME.measured``.
    """

    def module(self, shape: tuple[int, ...]) -> nn.Module | None:
        """Return a module whose buffers are saved with the run, or None where nothing changes as it goes.

        Raises UserError for a shape of data that cannot be augmented.
        """
        ...

    def augment(self, x: Tensor, module: nn.Module | None, step: Step) -> Tensor:
        """``x`` in fp32 or fp64 -> samples of the same shape; each look has other draws from ``step.rand``."""
        ...

    def measure(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor | None:
        """Return a scalar to go by, or None; what ``adapt`` gets is its mean over the whole batch."""
        ...

    def adapt(self, module: nn.Module | None, measured: Tensor, images: int) -> None:
        """Change the module's buffers in place, after a critic step that saw so many real ``images``."""
        ...


class Extractor(Protocol):
    """Kind ``extractor``: a fixed network by whose features pictures are compared.

    ``channels``: how many its pictures have; the core converts others. None: it takes them as they are. ``names`` are
    those of its logits, None where it has none.
    """

    channels: int | None
    names: tuple[str, ...] | None

    def describe(self) -> Mapping[str, str]:
        """Say what a figure depends on: the hash of the ``weights``, how ``pictures`` are resized and scaled."""
        ...

    def network(self, shape: tuple[int, ...]) -> nn.Module:
        """Return a frozen network from ``x`` of a shape ``(C, H, W)``, in [-1, 1], to features ``[N, F]`` and logits.

        Logits are ``[N, K]``, one for each of ``names``, or None.
        """
        ...


@dataclass(frozen=True)
class Judged:
    """What an extractor says of pictures: ``features [N, F]``, and ``logits [N, K]`` where it has them."""

    features: Tensor
    logits: Tensor | None = None


class Subject(Protocol):
    """A model under evaluation, as a metric sees it; each part is made when it is first asked for.

    Pictures are in [-1, 1], rounded to the 256 levels of a file on both sides.
    """

    count: int  # of samples
    seed: int  # of what a metric draws for itself

    @property
    def real_count(self) -> int:
        """How many real examples there are."""
        ...

    @property
    def config(self) -> RunConfig:
        """The model's settings."""
        ...

    @property
    def condition(self) -> Condition | None:
        """What the model is conditioned on, else what the data's labels are."""
        ...

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the extractor's logits."""
        ...

    @property
    def modes(self) -> Modes | None:
        """Where the data gather."""
        ...

    @property
    def fake(self) -> Judged:
        """What the extractor says of the samples."""
        ...

    @property
    def real(self) -> Judged:
        """What the extractor says of the real examples."""
        ...

    @property
    def labels(self) -> Tensor | None:
        """The condition ``c`` that each sample was asked for."""
        ...

    @property
    def real_labels(self) -> Tensor | None:
        """The labels of the real examples."""
        ...

    @property
    def critic(self) -> nn.Module:
        """The trained discriminator ``D(x, c) -> [N]``, in eval mode. Raises UserError where the model has none."""
        ...

    def samples(self, count: int, c: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return the first samples and their conditions: those of ``c``, else as they fall in the data."""
        ...

    def examples(self, count: int) -> tuple[Tensor, Tensor | None]:
        """Return the first real examples and, where the model has a condition, theirs."""
        ...


@dataclass(frozen=True)
class Figure:
    """A metric's answer: a value, the interval that holds it with 95 % confidence, and what else was counted.

    ``note`` warns of a value that should not be believed, and says what to use instead.
    """

    value: float
    low: float | None = None
    high: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


class Metric(Protocol):
    """Kind ``metric``: one figure of a model.

    ``needs``: ``extractor`` where it always asks for ``fake`` or ``real``. ``better`` is the side of good values, None
    where there is none. ``packages`` are those whose versions belong to the figure.
    """

    needs: tuple[Literal["extractor"], ...]
    packages: tuple[str, ...]
    better: Literal["lower", "higher"] | None

    def refuses(self, subject: Subject) -> str | None:
        """Say why it cannot be measured for this model and this data, and what to type instead; else None."""
        ...

    def measure(self, subject: Subject) -> Figure:
        """Return the figure. One that raises is left out, with what it raised for a reason."""
        ...


@dataclass(frozen=True)
class Vitals:
    """The health of a run at one step, as numbers by name; one that was not taken, or is not finite, is missing.

    ``loss_d``, ``loss_g``; ``slope_d`` and ``slope_g``, the mean size of the slope of D's and of G's loss at a score:
    1 where the loss is linear, near 0 where nothing is left to learn; ``gradient_g``, the norm of G's gradient;
    ``separation``, the share of pairs of a real and a fake that D ranks rightly; ``coverage``, how much of the data's
    variety the samples show, 1 being all; ``distance``, how far the samples are from the data, 1 being the data's own
    spread, and ``noise``, how far real examples are from others; ``steepness``, the mean slope of D between real and
    fake, and ``bound``, the one that its enforcer holds it to.
    """

    step: int
    fraction: float  # of the run's length that is done
    values: Mapping[str, float]


@dataclass(frozen=True)
class Finding:
    """What a diagnostic has seen, on one line, and the flags to start again with: ``--loss wgan-gp``.

    The next run is given what this one was given, and the flags besides.
    """

    seen: str
    flags: str

    def command(self, folder: Path) -> str:
        """Return the line that starts the run of a folder again, with the flags."""
        return f"{typed('train', '--config', folder)} {self.flags}"


class Diagnostic(Protocol):
    """Kind ``diagnostic``: recognises one way in which a run fails; without a state, from the vitals alone.

    Vitals are taken about 60 times in a run, fewer in one that is short of time, and the first are those of a generator
    that has learnt nothing yet.
    """

    def check(self, vitals: Sequence[Vitals], config: RunConfig) -> Finding | None:
        """Look at all vitals of a run up to now, the newest last; return what is wrong now, else None.

        A finding is told once, and again only after this has returned None.
        """
        ...


@dataclass(frozen=True)
class Start:
    """What is known before the first step."""

    folder: Path
    step: int
    steps: int | None  # None: the run ends by the clock
    minutes: float | None
    device: str


@dataclass(frozen=True)
class Report:
    """The run at one log interval; ``stats`` are means over the interval's steps.

    ``vitals`` are the numbers of ``Vitals``, where they were taken at its end.
    """

    step: int
    images: int
    seconds: float
    fraction: float  # of the run's length that is done
    rate: float  # real images a second since the last report
    stats: Mapping[str, float]
    vitals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluated:
    """What metrics made of the checkpoint of a step, and why some have no value.

    ``keep`` is the metric whose best checkpoint is kept, and ``by`` a digest of the protocol: values of another one are
    not comparable.
    """

    step: int
    values: Mapping[str, float]
    refused: Mapping[str, str]
    keep: str | None = None
    by: str = ""


class Observer:
    """Kind ``observer``: told how a run goes, never inside a step. Does nothing; override what you want to hear of.

    One that raises is left out from there on: it may not end a run.
    """

    def on_start(self, start: Start) -> None:
        """Called once, before the first step."""

    def on_interval(self, report: Report) -> None:
        """Called at each log interval."""

    def on_finding(self, step: int, name: str, finding: Finding) -> None:
        """Called when the diagnostic ``name`` finds what it did not find at its last look."""

    def on_evaluation(self, evaluated: Evaluated) -> None:
        """Called with what metrics made of a checkpoint."""

    def on_note(self, text: str) -> None:
        """Called with a remark on the watching itself."""

    def on_samples(self, path: Path, step: int) -> None:
        """Called after a picture of the run's fixed samples was written."""

    def on_checkpoint(self, path: Path, step: int) -> None:
        """Called after a checkpoint was written."""

    def on_end(self, step: int) -> None:
        """Called once, after the last step, also where the run was stopped."""
