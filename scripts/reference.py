"""docs/plugins/reference.md, made from the code.

python scripts/reference.py           # write it
python scripts/reference.py --check   # exit with 1 where it is stale
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import click

import gantool
from gantool import Meta, Options, plugins
from gantool.cli.flags import ComponentCommand
from gantool.cli.main import cli
from gantool.hookspecs import API
from gantool.options import describe
from gantool.registry import KINDS, LISTS
from gantool.testing import dataset, declaration, table

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "plugins" / "reference.md"
SPECIAL = {"__call__": "self", "__len__": "len"}  # methods that are shown, and as what
OTHERS = {  # public names that are no class or function of ours
    "Meta": "An option's bounds and `description`, behind its type in `Annotated`: `msgspec.Meta`.",
    "hookimpl": "Marks a function of a plugin as a hook.",
}
VARIABLES = {
    "GANTOOL_PLUGINS": "`a,b`: the built-in plugin and those named here, by their entry points; empty: no others. A "
    "file given by `--plugin` is loaded all the same.",
    "GANTOOL_STRICT": "`1`: what a plugin raises ends the command; with `--debug` its traceback is shown.",
}
TEMPLATE = """# Reference for plugin authors

Made from the code by `python scripts/reference.py`; a test compares the two. [kinds.md](kinds.md) has an example of
each kind, [policy.md](policy.md) says what of this may change.

## Hooks

{hooks_intro}

`GANTOOL_API` is {api} now.

{hooks}

## What hooks return

{specs}

### The kinds

| kind | flag | use | its options are flags of | what it is |
|---|---|---|---|---|
{kinds}

The options of a kind of which a run has one are `--loss.margin 1`, the flag being the kind's; those of all others
`--infogan.weight 1`, by the component's own name. Where no command is named, the component is made with its defaults.

## Options

Each field of an options struct has one of these types, and a default:

```py
{every}
```

| field | flag, of a loss | allowed |
|---|---|---|
{options}

inf and nan are refused everywhere, `1e5` is an integer, and a path that is given as a flag becomes absolute. In TOML,
`none` is to leave an option out. Constructing the struct checks nothing: gantool builds it from what was given. A rule
that joins two options goes into the component's `requires`. No option may be called `name`, which in TOML names the
component.

## What each kind must do

{kinds_intro}

The types are for annotations; a component need not derive from one, an observer excepted.

{protocols}

## What passes between gantool and components

{data}

## Public names of `gantool`

| name | what it is |
|---|---|
{names}

Those that are not shown above:

{others}

What `RunConfig.training` holds:

{training}

### Errors

```
{errors}
```

All are in `gantool.errors`.

{error}

## `gantool.testing`

{testing}

### The checks

| of | check | what it requires |
|---|---|---|
{checks}

## `gantool.fixtures`

{fixtures}

## Discovery

The group of entry points is `{group}`.

| flag, of any command | what it does |
|---|---|
{flags}

| variable | what it does |
|---|---|
{variables}

### Statuses

{statuses_intro}

| status | reasons, in the words that `gantool plugin list` shows |
|---|---|
{statuses}

What a plugin raises while it is imported or its hooks are called makes it `failed`, with the exception for a reason.
"""


class Every(Options, frozen=True):
    count: Annotated[int, Meta(ge=1, le=64, description="...")] = 2
    weight: Annotated[float, Meta(gt=0, description="...")] = 0.5
    bias: Annotated[bool, Meta(description="...")] = True
    title: Annotated[str, Meta(description="...")] = "untitled"
    mode: Annotated[Literal["max", "mean"], Meta(description="...")] = "max"
    most: Annotated[int, Meta(ge=1, description="...")] | None = None
    root: Annotated[str, Meta(description="...", extra={"path": True})] | None = None
    widths: Annotated[tuple[Annotated[int, Meta(ge=1)], ...], Meta(max_length=8, description="...")] = (64, 64)
    betas: Annotated[tuple[float, float], Meta(description="...")] = (0.5, 0.999)


def page() -> str:
    """Return the whole page."""
    interfaces = code("gantool.interfaces")
    protocols = [name for name, node in interfaces.items() if "Protocol" in bases(node) or name == "Observer"]
    homes = {name: f"gantool.{home}" for name, home in gantool._HOMES.items() if name not in OTHERS}
    elsewhere = ("gantool.interfaces", "gantool.registry", "gantool.errors")
    others = [shown(name, home) for name, home in sorted(homes.items()) if home not in elsewhere]
    said = {**{name: first(doc(code(home)[name])) for name, home in homes.items()}, **OTHERS}
    parts = {
        "hooks_intro": prose(module_doc("gantool.hookspecs")),
        "api": str(API),
        "hooks": sections("gantool.hookspecs", code("gantool.hookspecs")),
        "specs": sections("gantool.registry", ["Component", "Command", "Kind"]),
        "kinds": rows(kind_rows()),
        "every": inspect.getsource(Every).strip(),
        "options": rows(option_rows()),
        "kinds_intro": prose(module_doc("gantool.interfaces").split(" This module")[0]),
        "protocols": sections("gantool.interfaces", protocols),
        "data": sections("gantool.interfaces", [name for name in interfaces if name not in protocols]),
        "names": rows((f"`{name}`", said[name]) for name in sorted(said)),
        "others": "\n\n".join([*others, shown("Registry", "gantool.registry")]),
        "training": shown("TrainingOptions", "gantool.config"),
        "errors": module_doc("gantool.errors"),
        "error": shown("GantoolError", "gantool.errors"),
        "testing": prose(module_doc("gantool.testing")) + "\n\n" + contract_functions(),
        "checks": rows(check_rows()),
        "fixtures": prose(module_doc("gantool.fixtures")),
        "group": plugins.GROUP,
        "flags": rows((f"`{option.opts[0]} {option.metavar or ''}".strip() + "`", option.help) for option in flags()),
        "variables": rows((f"`{name}`", VARIABLES[name]) for name in variables()),
        "statuses_intro": prose(doc(code("gantool.plugins")["Plugin"])),
        "statuses": rows((f"`{status}`", "<br>".join(reasons)) for status, reasons in statuses().items()),
    }
    return TEMPLATE.format(**parts)


def kind_rows() -> Iterable[tuple[str, ...]]:
    """Yield the table of kinds; whose flags and options there are, the commands themselves say."""
    uses = {"one": "a run has one", "list": "a run has any number", "command": "commands use it"}
    found = dict(commands(cli, click.Context(cli, obj=plugins.load_plugins(True))))
    for kind in KINDS.values():
        flag = f"--{kind.section}"
        known = any(flag in option.opts for command in found.values() for option in command.params)
        takers = [f"`{name}`" for name, command in found.items() if kind.section in sections_of(command)]
        yield f"`{kind.name}`", f"`{flag}`" if known else "", uses[kind.use], ", ".join(takers), kind.summary


def commands(command: click.Command, context: click.Context, name: str = "") -> Iterable[tuple[str, click.Command]]:
    """Yield the commands by name, those of groups too."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    for inner in command.list_commands(context):
        found = command.get_command(context, inner)
        assert found is not None  # it is listed
        yield from commands(found, context, f"{name} {inner}".strip())


def sections_of(command: click.Command) -> set[str]:
    """Return the flags of the kinds whose options a command takes."""
    if not isinstance(command, ComponentCommand):
        return set()
    return {*command.only, command.tool, command.tools, *(LISTS if command.training else ())}


def option_rows() -> Iterable[tuple[str, ...]]:
    """Yield the flag and the values of each field of ``Every``."""
    for row in describe(Every):
        flag = f"--loss.{row.flag}/--no-loss.{row.flag}" if row.kind == "bool" else f"--loss.{row.flag} {row.metavar}"
        yield f"`{row.name}`", f"`{flag}`", row.allowed + (", or none" if row.optional else "")


def check_rows() -> Iterable[tuple[str, ...]]:
    """Yield the checks of the contract with what they require; those of training stand once."""
    trained = [kind for kind, checks in table.KIND.items() if table.TRAINED[0] in checks]
    groups: dict[str, Iterable[Callable[..., None]]] = {
        "a plugin": table.PLUGIN,
        "a command": table.COMMAND,
        "a component": table.COMPONENT,
        **{kind: [check for check in checks if check not in table.TRAINED] for kind, checks in table.KIND.items()},
        "dataset without its `root`": [dataset.check_missing_root_is_said],
        "recipe": [declaration.check_recipe_resolves],
        ", ".join(trained): table.TRAINED,
    }
    for group, checks in groups.items():
        for check in checks:
            said = first(inspect.getdoc(check) or "").removeprefix("Require ")
            yield group, f"`{check.__name__.removeprefix('check_')}`", said


def contract_functions() -> str:
    """Return the sections of ``gantool.testing``'s public names."""
    here = code("gantool.testing")
    names = [name for name in gantool.testing.__all__ if name in here]
    return sections("gantool.testing", names) + "\n\n" + shown("Case", "gantool.testing.case")


def flags() -> list[click.Option]:
    """Return the global flags that have to do with plugins."""
    return [option for option in cli.params if isinstance(option, click.Option) and "plugin" in (option.name or "")]


def variables() -> list[str]:
    """Return the environment variables that discovery reads."""
    return sorted(set(re.findall(r'environ\.get\("(GANTOOL_\w+)"', inspect.getsource(plugins))))


def statuses() -> dict[str, list[str]]:
    """Return why a plugin gets a status, in the words of the code."""
    found: dict[str, list[str]] = {"ok": [], "disabled": [], "incompatible": [], "failed": []}
    for node in ast.walk(tree("gantool.plugins")):
        pair = node.args if isinstance(node, ast.Call) and ast.unparse(node.func) == "Refusal" else []
        if isinstance(node, ast.Tuple) and node.elts and ast.unparse(node.elts[0]) == "'disabled'":
            pair = node.elts
        if len(pair) == 2 and isinstance(pair[0], ast.Constant):
            found[str(pair[0].value)] += text(pair[1])
    for node in ast.walk(code("gantool.registry")["Component"]):
        found["failed"] += text(node.value) if isinstance(node, ast.Return) else []
    return found


def text(node: ast.expr | None) -> list[str]:
    """Return a text of the code, with ``...`` where something is put in; nothing for another expression."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    said = "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in parts)
    return [said] if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and node.value) else []


def rows(cells: Iterable[Iterable[str | None]]) -> str:
    """Return the rows of a table."""
    return "\n".join(f"| {' | '.join((cell or '').replace('|', chr(92) + '|') for cell in row)} |" for row in cells)


def tree(module: str) -> ast.Module:
    """Return a module's code."""
    path = ROOT.joinpath(*module.split("."))
    return ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())


def code(module: str) -> dict[str, Any]:
    """Return the classes and functions of a module by name."""
    return {node.name: node for node in tree(module).body if isinstance(node, ast.ClassDef | ast.FunctionDef)}


def sections(module: str, names: Iterable[str]) -> str:
    """Return the sections of a module's classes and functions."""
    return "\n\n".join(shown(name, module) for name in names)


def shown(name: str, module: str) -> str:
    """Return the section of a class or function: where it is, what it is, its fields and methods."""
    node, home = code(module)[name], "gantool" if name in gantool.__all__ else module.removesuffix(".case")
    if isinstance(node, ast.FunctionDef):
        return f"### {name}\n\n```text\n{signature(node, name)}\n```\n\n{prose(doc(node))}"
    lines = (ROOT / f"{module.replace('.', '/')}.py").read_text().splitlines()
    body = [line for part in node.body for line in member(part, name, lines)]
    fenced = ["```text\n" + "\n".join(body) + "\n```"] if body else []
    return "\n\n".join([f"### {name}", f"`from {home} import {name}`", prose(doc(node)), *fenced])


def member(node: ast.stmt, owner: str, lines: list[str]) -> list[str]:
    """Return the lines that show a field, with its comment, or a method, with its docstring."""
    if isinstance(node, ast.AnnAssign) and not ast.unparse(node.target).startswith("_"):
        field = [line.removeprefix("    ") for line in lines[node.lineno - 1 : node.end_lineno]]
        return [re.sub(r"  # noqa.*", "", line) for line in field]
    if not isinstance(node, ast.FunctionDef) or (node.name.startswith("_") and node.name not in {*SPECIAL, "__init__"}):
        return []
    said = [f"    # {line}".rstrip() for line in doc(node).splitlines()]
    if any(ast.unparse(decorator) == "property" for decorator in node.decorator_list):
        return [f"{node.name}: {ast.unparse(node.returns) if node.returns else 'Any'}", *said]
    return [signature(node, {**SPECIAL, "__init__": owner}.get(node.name, node.name)), *said]


def signature(node: ast.FunctionDef, name: str) -> str:
    """Return ``name(arguments) -> type`` without self."""
    given = re.sub(r"(: [^=]+)=", r"\1 = ", re.sub(r"^(self|cls)(, )?", "", ast.unparse(node.args)))
    return f"{name}({given})" + (f" -> {ast.unparse(node.returns)}" if node.returns and node.name != "__init__" else "")


def bases(node: Any) -> list[str]:
    """Return the names of a class's bases."""
    return [ast.unparse(base) for base in getattr(node, "bases", [])]


def doc(node: Any) -> str:
    """Return a docstring."""
    return ast.get_docstring(node) or ""


def module_doc(module: str) -> str:
    """Return a module's docstring."""
    return doc(tree(module))


def first(said: str) -> str:
    """Return the first paragraph of a docstring on one line."""
    return prose(" ".join(said.split("\n\n")[0].split()))


def prose(said: str) -> str:
    """Turn a docstring into Markdown."""
    return re.sub(r"::$", ":", said.replace("``", "`"), flags=re.MULTILINE)


def main() -> None:
    """Write the page, or compare it."""
    made = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made)
    elif not PAGE.is_file() or PAGE.read_text() != made:
        sys.exit(f"{PAGE.relative_to(ROOT)} is stale; type: python scripts/reference.py")


if __name__ == "__main__":
    main()
