"""Settings: from what was given, tier by tier, to one resolved configuration.

Precedence: component defaults < architecture's recipe < loss's recipe < dataset's recipe < ``--recipe`` < ``--config``
< flags. A *tree* of settings has one table for each section, which names its component and sets its options::

    {"arch": {"name": "dcgan", "channels": 32}, "loss": {"name": "bce"}, "training": {"steps": 500}}

``"loss": "bce"`` is short for ``"loss": {"name": "bce"}``. A kind of which a run has any number is a list of names,
``"regularizer": ["infogan"]``, and each of these has a table of its own, ``"infogan": {"weight": 1}``.

A component's recipe may add ``when``: a list of trees that apply only where the components they name are the ones
chosen. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from gantool.errors import OptionError, nearest
from gantool.options import Meta, Options, build, describe
from gantool.recipes import BASE, read_base
from gantool.registry import KINDS, LISTS, SECTIONS, Component, Registry

__all__ = [
    "RunConfig",
    "Tier",
    "TrainingOptions",
    "choose",
    "choose_lists",
    "merge_trees",
    "normalise",
    "resolve",
    "stored_tier",
]

Tree = Mapping[str, Any]
# The dataset is chosen first and the conditioning last: each recipe may choose what is still open. Read backwards,
# it is the precedence of their recipes, the weakest first.
CHOICE = ("data", "loss", "arch", "lipschitz", "condition")

Beta = Annotated[float, Meta(ge=0, le=0.999999)]


class TrainingOptions(Options, frozen=True):
    """The settings of a run that belong to no component."""

    steps: Annotated[int, Meta(ge=1, le=10**9, description="generator steps to train")] = 1000
    batch_size: Annotated[int, Meta(ge=1, le=65536, description="real examples in one critic step")] = 64
    n_critic: Annotated[int, Meta(ge=1, le=100, description="critic steps for each generator step")] = 1
    optimizer: Annotated[Literal["adam", "rmsprop"], Meta(description="optimizer of both networks")] = "adam"
    lr_g: Annotated[float, Meta(gt=0, le=10, description="the generator's learning rate")] = 2e-4
    lr_d: Annotated[float, Meta(gt=0, le=10, description="the discriminator's learning rate")] = 2e-4
    betas: Annotated[tuple[Beta, Beta], Meta(description="Adam's decay rates of the two moments")] = (
        0.5,
        0.999,
    )
    lr_schedule: Annotated[
        Literal["constant", "linear"], Meta(description="linear falls to zero over the last half of the run")
    ] = "constant"
    ema: Annotated[
        float,
        Meta(ge=0, le=0.999999, description="decay of the generator's weight average, warmed up; 0 is off"),
    ] = 0.999
    latent_dim: Annotated[int, Meta(ge=1, le=65536, description="width of the latent z")] = 100
    latent_prior: Annotated[Literal["normal", "uniform"], Meta(description="distribution of z")] = "normal"
    accumulate: Annotated[
        int, Meta(ge=1, le=65536, description="parts that a batch is computed in, one after the other, to save memory")
    ] = 1
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "fp64"],
        Meta(description="auto is bf16 where the processor or GPU computes it natively; fp64 is for checks"),
    ] = "auto"
    channels_last: Annotated[bool, Meta(description="keep images with their channels last in memory")] = True
    sync_batch_norm: Annotated[
        bool, Meta(description="batch norms of several processes see the whole batch, not a share each")
    ] = False
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1, description="every random draw follows from it")] = 0


@dataclass(frozen=True)
class Tier:
    """Settings from one source; ``label`` says where a value stands, for messages.

    ``owners`` names the component of a section that the source had: options that it gives are for that one alone.
    """

    name: str
    tree: Tree
    label: Callable[[str, str], str] | None = None
    owners: Mapping[str, str] = field(default_factory=dict)

    def place(self, section: str, option: str) -> str:
        """Say where this tier gave an option: ``recipe wgan-gp: training.lr_g``."""
        if self.label:
            return self.label(section, option)
        return f"{self.name}: {section}" + (f".{option}" if option else "")


@dataclass(frozen=True)
class RunConfig:
    """A whole run: its components, their options, and where each value came from."""

    components: Mapping[str, Component]  # by section
    options: Mapping[str, Options]  # by section, those of a list by the component's name
    training: TrainingOptions
    given: Tree
    origins: Mapping[str, str] = field(default_factory=dict)  # "training.lr_g" -> tier
    lists: Mapping[str, tuple[Component, ...]] = field(default_factory=dict)  # by section

    def name(self, section: str) -> str:
        """Return the name of a section's component."""
        return self.components[section].name

    @property
    def critic_norms(self) -> tuple[str, ...] | None:
        """The norms that the enforcer allows in the critic, the preferred first; None allows any."""
        return self.components["lipschitz"].critic_norms

    def create(self, section: str) -> Any:
        """Import and make the component of a section, with its options."""
        return self.components[section].create(self.options[section])

    def create_list(self, section: str) -> dict[str, Any]:
        """Import and make the components of a list, by name."""
        return {part.name: part.create(self.options[part.name]) for part in self.lists.get(section, ())}

    def parts(self) -> dict[str, Component]:
        """Return every component by the table that its options lie in."""
        return {**self.components, **{part.name: part for parts in self.lists.values() for part in parts}}

    def tree(self) -> dict[str, dict[str, Any]]:
        """Return the resolved settings as plain data."""
        tree = {
            section: {"name": component.name, **values(self.options[section])}
            for section, component in self.components.items()
        }
        for section, parts in self.lists.items():
            tree[section] = {"names": [part.name for part in parts]}
            tree |= {part.name: values(self.options[part.name]) for part in parts}
        return {**tree, "training": values(self.training)}

    def flat(self) -> dict[str, Any]:
        """Return the resolved settings by their places: ``training.lr_g``."""
        return {f"{section}.{name}": value for section, table in self.tree().items() for name, value in table.items()}

    def provided(self) -> dict[str, Any]:
        """Return who provides each component, for a checkpoint's metadata."""
        lists = {section: [component_tree(part) for part in parts] for section, parts in self.lists.items()}
        return {section: component_tree(part) for section, part in self.components.items()} | lists


def component_tree(component: Component) -> dict[str, Any]:
    """Describe where a component came from as plain data."""
    source = component.provider
    tree = {"name": component.name, "dist": source.dist, "version": source.version}
    return {**tree, "plugin": source.plugin, "sha256": source.sha256} if source.sha256 else tree


def values(options: Options) -> dict[str, Any]:
    """Return an options struct as plain data, tuples as lists."""
    found = {row.name: getattr(options, row.name) for row in describe(type(options))}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def normalise(registry: Registry, tree: Tree, where: str) -> dict[str, Any]:
    """Check a tree's sections and write ``loss = "bce"`` out. Raises OptionError for a section that is unknown."""
    known = [*SECTIONS, *LISTS, "training"]
    tables = [name for kind in LISTS.values() for name in registry.names(kind.name)]
    result: dict[str, Any] = {}
    for section, table in tree.items():
        if section not in (*known, *tables):
            raise OptionError(
                f"{where}: {section}", "is unknown", f"known: {', '.join(known)}", nearest(section, [*known, *tables])
            )
        if isinstance(table, str) and section in SECTIONS:
            table = {"name": table}
        if section in LISTS:
            table = {"names": _names_of_list(table, f"{where}: {section}")}
        if not isinstance(table, Mapping):
            raise OptionError(f"{where}: {section}", f"{table!r} was given", f"a table, as in [{section}]")
        if "name" in table and not isinstance(table["name"], str):
            raise OptionError(f"{where}: {section}.name", f"{table['name']!r} was given", "the name of a component")
        result[section] = dict(table)
    return result


def stored_tier(registry: Registry, tree: Tree, where: str) -> Tier:
    """Return the settings of a checkpoint as a tier, without what a person alone may ask for, such as a download."""
    kept = dict(tree)
    chosen = [(section, kind, tree.get(section, {}).get("name")) for section, kind in SECTIONS.items()]
    chosen += [(name, kind, name) for kind in LISTS.values() for name in tree]
    for section, kind, name in chosen:
        if section in tree and isinstance(name, str) and registry.providers(kind.name, name):
            rows = describe(registry.get(kind.name, name).options)
            asked = {row.name for row in rows if row.consent}
            kept[section] = {option: value for option, value in kept[section].items() if option not in asked}
    return Tier(where, kept)


def _names_of_list(value: Any, where: str) -> list[str]:
    """Read ``["a", "b"]``, ``"a"`` or the written-out table; ``"none"`` is the empty list."""
    if isinstance(value, Mapping) and (extra := sorted(set(value) - {"names"})):
        raise OptionError(f"{where}.{extra[0]}", "is not an option", "known: names", "options go into [NAME]")
    names = value.get("names") if isinstance(value, Mapping) else [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise OptionError(where, f"{value!r} was given", "a list of names of components")
    return [] if names == ["none"] else list(dict.fromkeys(names))


def resolve(registry: Registry, given: Iterable[Tier] = ()) -> RunConfig:
    """Merge the given tiers, weakest first, over the recipes of the components that they choose.

    Raises PluginError for an unknown component and OptionError for an unknown, malformed or contradictory setting.
    """
    asked = _normalised(registry, given)
    chosen = choose(registry, asked)
    names = {section: component.name for section, component in chosen.items()}
    asked = [replace(tier, tree=_owned(tier, names)) for tier in asked]
    recipes = [tier for section in reversed(CHOICE) for tier in _recipe_tiers(registry, section, chosen[section])]
    applying = [tier for tier in recipes if _applies(tier, names)]
    tiers = [_base_tier(registry), *applying, *asked]
    lists = _choose_lists(registry, tiers)
    _check_tables(registry, asked, lists)
    return _finish(chosen, lists, tiers, asked)


def _owned(tier: Tier, names: Mapping[str, str]) -> Tree:
    """Return a tier's settings without those of components that were not chosen this time."""
    return {
        section: table for section, table in tier.tree.items() if tier.owners.get(section) in (None, names.get(section))
    }


def _check_tables(registry: Registry, asked: list[Tier], lists: Mapping[str, tuple[Component, ...]]) -> None:
    """Check the options of parts of a list, also of those that were not chosen: a slip there would go unseen."""
    parts = {part.name: part for kind in LISTS.values() for part in registry.all(kind.name)} | _by_name(lists)
    for tier in asked:
        for name in parts.keys() & tier.tree.keys():
            build(parts[name].options, tier.tree[name], _placer(name, dict.fromkeys(tier.tree[name], tier)))


def choose(registry: Registry, given: Iterable[Tier] = ()) -> dict[str, Component]:
    """Return the component of each section. Raises PluginError for one that is unknown."""
    asked, base = _normalised(registry, given), _base_tier(registry)
    chosen: dict[str, Component] = {}
    recipes: list[Tier] = []
    settled = _names(tier.tree for tier in asked)
    for section in CHOICE:
        chosen[section] = _choose(registry, section, [base, *recipes, *asked])
        settled[section] = chosen[section].name
        recipe = _recipe_tiers(registry, section, chosen[section])[0]
        if _applies(recipe, settled):
            recipes.insert(0, recipe)
            settled = _names([recipe.tree]) | settled
    return chosen


def choose_lists(registry: Registry, given: Iterable[Tier] = ()) -> dict[str, tuple[Component, ...]]:
    """Return the components of each list that the given tiers name. Raises PluginError for one that is unknown."""
    return _choose_lists(registry, _normalised(registry, given))


def _choose_lists(registry: Registry, tiers: list[Tier]) -> dict[str, tuple[Component, ...]]:
    """Take each list from the strongest tier that has it."""
    found: dict[str, tuple[Component, ...]] = dict.fromkeys(LISTS, ())
    for tier in tiers:
        for section in set(LISTS) & set(tier.tree):
            kind, place = LISTS[section].name, tier.place(section, "")
            found[section] = tuple(registry.get(kind, name, place) for name in tier.tree[section]["names"])
    return found


def _names(trees: Iterable[Tree]) -> dict[str, str]:
    """Return the component that each section names, the strongest tree last."""
    return {section: table["name"] for tree in trees for section, table in tree.items() if "name" in table}


def _normalised(registry: Registry, given: Iterable[Tier]) -> list[Tier]:
    return [replace(tier, tree=normalise(registry, tier.tree, tier.name)) for tier in given]


def _base_tier(registry: Registry) -> Tier:
    return Tier(BASE, normalise(registry, read_base(registry), BASE))


def _choose(registry: Registry, section: str, tiers: list[Tier]) -> Component:
    kind = SECTIONS[section].name
    for tier in reversed(tiers):
        if "name" in tier.tree.get(section, {}):
            return registry.get(kind, tier.tree[section]["name"], tier.place(section, ""))
    names = ", ".join(registry.names(kind)) or "none is installed"
    raise OptionError(f"--{section}", "was not given", f"known: {names}", f"type: --{section} NAME")


def _recipe_tiers(registry: Registry, section: str, component: Component) -> list[Tier]:
    """Return a component's recipe and behind it the cases of its ``when``, each one a tier."""
    label = f"{section} {component.name}"
    recipe = dict(component.recipe)
    cases = recipe.pop("when", [])
    return [Tier(label, normalise(registry, tree, label)) for tree in (recipe, *cases)]


def _applies(tier: Tier, names: Mapping[str, str]) -> bool:
    """Whether a recipe speaks of the components that were chosen; a section that is still open fits any."""
    return all(names.get(section, name) == name for section, name in _names([tier.tree]).items())


def _finish(
    chosen: Mapping[str, Component],
    lists: Mapping[str, tuple[Component, ...]],
    tiers: list[Tier],
    asked: list[Tier],
) -> RunConfig:
    origins: dict[str, str] = {}
    options: dict[str, Options] = {}
    tables = dict(chosen) | _by_name(lists)
    for table, component in tables.items():
        merged, sources = _merge(table, tiers, component.name if table in chosen else "")
        hint = f"type: gantool components {component.kind} {component.name}"
        options[table] = build(component.options, merged, _placer(table, sources), hint)
        origins.update({f"{table}.{name}": tier.name for name, tier in sources.items()})
    for section in (*chosen, *lists):
        origins.update(_source_of_names(section, tiers))
    merged, sources = _merge("training", tiers)
    training = build(TrainingOptions, merged, _placer("training", sources), "type: gantool train --help")
    origins.update({f"training.{name}": tier.name for name, tier in sources.items()})
    given = merge_trees(tier.tree for tier in asked)
    return _settle(RunConfig(chosen, options, training, given, origins, lists))


def _by_name(lists: Mapping[str, tuple[Component, ...]]) -> dict[str, Component]:
    """Return the components of lists by name. Raises OptionError for one name in two lists: their options share it."""
    found: dict[str, Component] = {}
    for section, parts in lists.items():
        for part in parts:
            if part.name in found:
                other = found[part.name].kind
                where, given = f"--{section} {part.name}", f"a run with the {other} {part.name} has that table already"
                raise OptionError(where, given, "one component of a name", "leave one of them out")
            found[part.name] = part
    return found


def _merge(section: str, tiers: list[Tier], name: str = "") -> tuple[dict[str, Any], dict[str, Tier]]:
    """Merge a section; options that a tier set for another component of the kind do not carry over."""
    merged: dict[str, Any] = {}
    sources: dict[str, Tier] = {}
    for tier in tiers:
        table = tier.tree.get(section, {})
        if not name or table.get("name", name) == name:
            own = {key: value for key, value in table.items() if key != "name" or not name}
            merged.update(own)
            sources.update(dict.fromkeys(own, tier))
    return merged, sources


def _placer(section: str, sources: Mapping[str, Tier]) -> Callable[[str], str]:
    return lambda option: sources[option].place(section, option)


def _source_of_names(section: str, tiers: list[Tier]) -> dict[str, str]:
    """Return the strongest tier that named a section's component or components."""
    found = {key: tier.name for tier in tiers for key in ("name", "names") if key in tier.tree.get(section, {})}
    return {f"{section}.{key}": name for key, name in found.items()}


def merge_trees(trees: Iterable[Tree]) -> dict[str, dict[str, Any]]:
    """Merge trees, weakest first; what a tree set for another component than the last one named is left out."""
    trees = list(trees)
    names = _names(trees)
    merged: dict[str, dict[str, Any]] = {}
    for tree in trees:
        for section, table in tree.items():
            if table.get("name", names.get(section)) == names.get(section):
                merged.setdefault(section, {}).update(table)
    return merged


def _settle(config: RunConfig) -> RunConfig:
    """Replace ``auto`` values, then check the rules that join components."""
    options, origins = dict(config.options), dict(config.origins)
    for table, component in config.parts().items():
        found = component.resolve(config) if component.resolve else {}
        own = {name: value for name, value in found.items() if getattr(options[table], name) == "auto"}
        options[table] = build(component.options, {**values(options[table]), **own})
        origins.update({f"{table}.{name}": "auto" for name in own})
    training = config.training
    if training.precision == "auto":
        training = msgspec.structs.replace(training, precision="bf16" if native_bf16() else "fp32")
        origins["training.precision"] = "auto"
    settled = replace(config, options=options, training=training, origins=origins)
    for component in settled.parts().values():
        problem = component.requires(settled) if component.requires else None
        if problem:
            raise OptionError(f"--{KINDS[component.kind].section} {component.name}", problem)
    return settled


def native_bf16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags or " bf16" in flags
