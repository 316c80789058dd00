"""What torchrun says in the environment."""

import pytest

from gantool.errors import OptionError
from gantool.processes import local_rank, rank, world_size

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK")


@pytest.fixture
def environment(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)

    def give(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return give


def test_a_process_alone_is_the_first_of_one(environment):
    assert (rank(), world_size(), local_rank()) == (0, 1, 0)


def test_a_process_of_a_group_knows_its_numbers(environment):
    environment(RANK="5", WORLD_SIZE="8", LOCAL_RANK="1")
    assert (rank(), world_size(), local_rank()) == (5, 8, 1)


@pytest.mark.parametrize(
    ("given", "asked", "said"),
    [
        ({"WORLD_SIZE": "two"}, world_size, "WORLD_SIZE: the environment has 'two'; a whole number from 1 to 1000000"),
        ({"WORLD_SIZE": "0"}, rank, "WORLD_SIZE: the environment has '0'"),
        ({"WORLD_SIZE": "2", "RANK": "2"}, rank, "RANK: the environment has '2'; a whole number from 0 to 1"),
        ({"RANK": "1"}, rank, "RANK: the environment has '1'; a whole number from 0 to 0"),
        ({"WORLD_SIZE": "2", "LOCAL_RANK": "-1"}, local_rank, "LOCAL_RANK: the environment has '-1'"),
        ({"WORLD_SIZE": "2", "RANK": "²"}, rank, "RANK: the environment has '²'"),
        ({"WORLD_SIZE": ""}, world_size, "WORLD_SIZE: the environment has ''"),
    ],
)
def test_a_number_that_cannot_be_is_refused_by_its_name(environment, given, asked, said):
    environment(**given)
    with pytest.raises(OptionError) as refused:
        asked()
    assert str(refused.value).startswith(said)
    assert "unset" in str(refused.value)
