"""The target of the commands of ``sound``."""

import click


@click.command("greet")
@click.argument("name")
@click.pass_obj
def greet(found, name):
    """Say hello."""
    if name == "nobody":
        raise click.ClickException("there is nobody")
    click.echo(f"hello {name}, {found.registry.get('loss', 'sound').summary}")
