"""CIFAR-10 through torchvision and CelebA's two layouts, on tiny copies of them."""

from __future__ import annotations

import hashlib
import pickle

import numpy as np
import pytest
from PIL import Image

from gantool.errors import DataError, FileError
from gantool_classic.datasets.celeba import Celeba
from gantool_classic.datasets.cifar import Cifar10
from gantool_classic.datasets.settings import CelebaOptions, Cifar10Options


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GANTOOL_CACHE", str(place))
    return place


NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """Lay out an archive of 10 and 5 pictures, with the md5s that torchvision will look for."""
    from torchvision.datasets import CIFAR10

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()

    def write(name, content):
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        return [name, hashlib.md5(data).hexdigest()]

    rows = np.arange(15 * 3072).reshape(15, 3072).astype(np.uint8)
    train = write("data_batch_1", {"data": rows[:10], "labels": list(range(10))})
    test = write("test_batch", {"data": rows[10:], "labels": [9, 8, 7, 6, 5]})
    meta = write("batches.meta", {"label_names": NAMES})
    monkeypatch.setattr(CIFAR10, "train_list", [train])
    monkeypatch.setattr(CIFAR10, "test_list", [test])
    monkeypatch.setattr(CIFAR10, "meta", {"filename": meta[0], "key": "label_names", "md5": meta[1]})
    return rows.reshape(15, 3, 32, 32)


def test_cifar_is_read_channels_first(cifar, tmp_path):
    dataset = Cifar10(Cifar10Options(root=str(tmp_path)))
    samples = dataset.load()
    assert (samples.values == cifar[:10]).all()
    assert samples.labels.tolist() == list(range(10))
    assert dataset.load("test").labels.tolist() == [9, 8, 7, 6, 5]
    assert len(dataset.load("all").values) == 15


def test_cifar_is_described_without_reading_it(cifar, tmp_path):
    info = Cifar10(Cifar10Options(root=str(tmp_path), size=16)).describe()
    assert (info.shape, info.length) == ((3, 16, 16), 50_000)
    assert list(info.condition.names) == NAMES
    assert "car" in info.condition.words["automobile"]
    assert Cifar10(Cifar10Options(root=str(tmp_path), split="test")).describe().length == 10_000


def test_cifars_own_folder_may_be_given_as_root(cifar, tmp_path):
    dataset = Cifar10(Cifar10Options(root=str(tmp_path / "cifar-10-batches-py"), size=16, limit=2))
    assert dataset.load().values.shape == (2, 3, 16, 16)
    assert dataset.load().labels.tolist() == [0, 5]


def test_a_pickle_that_torchvision_does_not_know_is_never_unpickled(cifar, tmp_path):
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("it was unpickled",))

    (tmp_path / "cifar-10-batches-py" / "data_batch_1").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(FileError, match="a file is missing or its md5 differs"):
        Cifar10(Cifar10Options(root=str(tmp_path))).load()


def test_missing_cifar_says_what_to_type(tmp_path):
    with pytest.raises(DataError, match=r"has no folder cifar-10-batches-py; .*--data\.download"):
        Cifar10(Cifar10Options(root=str(tmp_path))).describe()
    with pytest.raises(DataError, match=r"--data\.root: was not given; .*--data\.download"):
        Cifar10(Cifar10Options()).describe()


ROWS = {"000001.jpg": (1, -1), "000002.jpg": (-1, -1), "000003.jpg": (1, 1), "000004.jpg": (-1, 1)}
PARTS = {"000001.jpg": 0, "000002.jpg": 2, "000003.jpg": 1, "000004.jpg": 0}


def write_faces(folder):
    """Write faces of 178x218 that are red but for a green upper and lower edge, which the crop takes away."""
    folder.mkdir(parents=True)
    for number, name in enumerate(ROWS):
        face = Image.new("RGB", (178, 218), (0, 255, 0))
        face.paste((200, number * 20, 0), (0, 20, 178, 198))
        face.save(folder / name, quality=95)


def write_text(root):
    lines = [f"{name} {' '.join(f'{value:2d}' for value in row)}" for name, row in ROWS.items()]
    (root / "list_attr_celeba.txt").write_text("\n".join([str(len(ROWS)), "Wearing_Hat 5_o_Clock_Shadow ", *lines, ""]))


def celeba(root, **options):
    return Celeba(CelebaOptions(root=str(root), **{"size": 16, **options}))


@pytest.fixture
def faces(tmp_path):
    write_faces(tmp_path / "img_align_celeba")
    write_text(tmp_path)
    return tmp_path


def test_celeba_has_its_attributes_as_zeros_and_ones(faces):
    dataset = celeba(faces)
    info, samples = dataset.describe(), dataset.load()
    assert (info.shape, info.length) == ((3, 16, 16), 4)
    assert (info.condition.kind, info.condition.names) == ("attributes", ("Wearing_Hat", "5_o_Clock_Shadow"))
    assert info.condition.words["Wearing_Hat"] == ("wearing", "hat")
    assert samples.labels.dtype == np.float32
    assert samples.labels.tolist() == [[1, 0], [0, 0], [1, 1], [0, 1]]


def test_celebas_faces_are_the_centred_square(faces):
    values = celeba(faces).load().values.astype(int)
    for row in range(4):
        assert np.abs(values[row].transpose(1, 2, 0) - (200, row * 20, 0)).max() < 8


def test_kaggles_layout_is_read_alike(faces, tmp_path_factory):
    kaggle = tmp_path_factory.mktemp("kaggle")
    write_faces(kaggle / "img_align_celeba" / "img_align_celeba")
    lines = [",".join([name, *map(str, row)]) for name, row in ROWS.items()]
    (kaggle / "list_attr_celeba.csv").write_text("\n".join(["image_id,Wearing_Hat,5_o_Clock_Shadow", *lines]))
    (kaggle / "list_eval_partition.csv").write_text(
        "\n".join(["image_id,partition", *(f"{name},{part}" for name, part in PARTS.items())])
    )
    plain, other = celeba(faces), celeba(kaggle, split="all")
    assert other.describe().condition == plain.describe().condition
    assert sorted(other.load().labels.tolist()) == sorted(plain.load().labels.tolist())
    assert other.load("valid").labels.tolist() == [[1, 1]]


def test_the_partition_file_makes_the_splits(faces):
    (faces / "list_eval_partition.txt").write_text("".join(f"{name} {part}\n" for name, part in PARTS.items()))
    dataset = celeba(faces)
    assert dataset.describe().length == 2
    assert dataset.load().labels.tolist() == [[1, 0], [0, 1]]
    assert dataset.load("valid").labels.tolist() == [[1, 1]]
    assert dataset.load("test").labels.tolist() == [[0, 0]]
    assert len(dataset.load("all").values) == 4


def test_pictures_without_attributes_and_attributes_without_pictures_are_left_out(faces, capsys):
    (faces / "img_align_celeba" / "000004.jpg").rename(faces / "img_align_celeba" / "9.jpg")
    assert celeba(faces).load().labels.tolist() == [[1, 0], [0, 0], [1, 1]]
    assert "warning: 1 of 4 pictures left out: list_attr_celeba does not name 9.jpg\n" in capsys.readouterr().err


def test_the_fingerprint_changes_with_the_attributes(faces):
    before = celeba(faces).describe().fingerprint
    text = (faces / "list_attr_celeba.txt").read_text()
    (faces / "list_attr_celeba.txt").write_text(text.replace("000001.jpg  1", "000001.jpg -1"))
    assert celeba(faces).describe().fingerprint != before
    assert celeba(faces).load().labels.tolist()[0] == [0, 0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "2\nHat Smile\n000001.jpg 1\n",
            r"the row of 000001\.jpg does not fit; 2 values of -1 or 1; write it as: 000001\.jpg and 1",
        ),
        ("2\nHat Smile\n000001.jpg 1 2\n", r"the row of 000001\.jpg does not fit"),
        ("2\nHat Hat\n000001.jpg 1 1\n", "has no line of attribute names"),
        ("", "has no line of attribute names"),
        ("2\nHat Smile\n\xff\n", "cannot be read"),
    ],
)
def test_attribute_files_that_do_not_fit_are_refused(faces, text, why):
    (faces / "list_attr_celeba.txt").write_bytes(text.encode("latin-1"))
    with pytest.raises(FileError, match=why):
        celeba(faces).describe()


def test_missing_parts_of_celeba_are_named(tmp_path):
    with pytest.raises(DataError, match="has no folder img_align_celeba"):
        celeba(tmp_path).describe()
    (tmp_path / "img_align_celeba").mkdir()
    with pytest.raises(DataError, match=r"has no list_attr_celeba\.txt or \.csv"):
        celeba(tmp_path).describe()
    write_text(tmp_path)
    with pytest.raises(DataError, match="holds no picture that list_attr_celeba names"):
        celeba(tmp_path).describe()
    with pytest.raises(DataError, match=r"--data\.root: was not given"):
        Celeba(CelebaOptions()).describe()
