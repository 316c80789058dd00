"""``gantool report``: what the page holds, what it may not do, and what is no run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise

import pytest
from PIL import Image, PngImagePlugin

from gantool.cli.run_page import FRAMES
from gantool.files import audit as audits
from gantool.files.audit import Row, StoredAudit
from gantool.files.envelope import header_bytes
from gantool.render.curves import MOST_CURVES, MOST_POINTS, charts
from gantool.render.embed import embed, shrink, spread

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'
FINDING = {"step": 4, "finding": "mode-collapse", "seen": "samples show 0.14 of the data's variety", "try": "gantool x"}
RESOLVED = {
    "arch": {"name": "mlp", "hidden_g": [9, 8]},
    "data": {"name": "shapes", "size": 16, "shuffle": False},
    "loss": {"name": "bce"},
    "training": {"steps": 6, "lr_g": 1e-3, "out": None},
}
GIVEN = {"data": {"name": "shapes", "shuffle": False}, "arch": {"hidden_g": [9, 8]}, "training": {"lr_g": 1e-3}}
META = {
    "given": GIVEN,
    "resolved": RESOLVED,
    "components": {
        "arch": {"name": "mlp", "dist": "gantool", "version": "0.1.0"},
        "loss": {"name": "bce", "dist": "", "version": "", "plugin": "mine.py", "sha256": "12ab"},
        "regularizer": [{"name": "infogan", "dist": "gantool-more", "version": "2"}],
    },
    "condition": {"kind": "classes", "names": ["a", "b"]},
    "shape": [3, 16, 16],
    "fingerprint": "data5",
    "step": 6,
    "model_hash": "hash7",
    "torch": "2.9",
}


class Page(HTMLParser):
    """A page as its elements ``(tag, attributes)``, the texts by tag, and the JSON of its curves."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements, self.open, self.texts = [], [], []
        self.feed(self.source)
        self.close()
        self.data = json.loads(re.search(r'id="data">(.*?)</script>', self.source, re.DOTALL)[1])
        self.said = " ".join(" ".join(text for tag, text in self.texts if tag not in ("script", "style")).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def curves(self):
        """Return the points of each curve by its label."""
        return {curve["label"]: curve["points"] for chart in self.data["charts"] for curve in chart["curves"]}


def picture(path, colour, size=(24, 16), noise=False, **options):
    """Write a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.effect_noise(size, 80) if noise else Image.new("RGB", size, colour)
    image.save(path, **options)


def log_line(step, **more):
    return {"step": step, "images": 8 * step, "seconds": step * 60.0, "rate": 9.0, "loss_d": 1 / step, **more}


@pytest.fixture
def make_run(tmp_path):
    """Return a function that writes a run folder of six steps, with what was found and measured."""

    def call(name="run", rows=None, meta=META, frames=3):
        folder = tmp_path / name
        folder.mkdir()
        rows = rows or [log_line(step, loss_g=-step, vitals={"coverage": step / 6}) for step in range(1, 7)]
        lines = [json.dumps(row) for row in (*rows, FINDING, {"step": 6, "evaluation": {"fid": 7.5}, "by": "p"})]
        (folder / "log.jsonl").write_text("\n".join(lines) + "\n")
        for step in range(frames):
            picture(folder / "samples" / f"step-{step:08d}.png", (step % 256, 0, 0))
        if meta:
            (folder / "checkpoints").mkdir()
            data = header_bytes("checkpoint", meta, {"generator.w": ("U8", (2,))}) + b"12"
            (folder / "checkpoints" / "step-00000006.safetensors").write_bytes(data)
            (folder / "latest").write_text("checkpoints/step-00000006.safetensors\n")
        return folder

    return call


@pytest.fixture
def report(run_cli):
    """Return a function that reports a path and reads the page."""

    def call(path, *arguments):
        done = run_cli("report", path, *arguments)
        assert (done.code, done.err) == (0, "")
        out = re.search(r"Report: (.*) \(", done.out)[1]
        return Page(path.__class__(out))

    return call


# The page of a run


def test_the_last_line_says_where_the_page_is_what_it_holds_and_what_to_do(make_run, run_cli):
    folder = make_run()
    done = run_cli("report", folder)
    uri = (folder / "report.html").as_uri()
    held = "3 grids, 4 charts, 1 finding"
    assert done.out == f"Report: {folder / 'report.html'} (0.0 MB), {held}. Next: open it in a browser: {uri}\n"


def test_a_report_that_is_there_is_kept(make_run, run_cli):
    folder = make_run()
    (folder / "report.html").write_text("mine")
    assert f"Report: {folder / 'report-2.html'} " in run_cli("report", folder).out
    assert (folder / "report.html").read_text() == "mine"


def test_the_page_holds_every_grid_curve_and_finding_with_its_step(make_run, report):
    page = report(make_run())
    frames = [one for one in page.all("img") if "data-step" in one]
    assert [(one["data-step"], one["alt"], "hidden" in one) for one in frames] == [
        ("0", "Samples at step 0", True),
        ("1", "Samples at step 1", True),
        ("2", "Samples at step 2", False),
    ]
    images = [Image.open(BytesIO(base64.b64decode(one["src"].partition(",")[2]))) for one in frames]
    assert [image.getpixel((0, 0)) for image in images] == [(0, 0, 0), (1, 0, 0), (2, 0, 0)]
    curves = page.curves()
    assert curves["discriminator"] == [[step, float(f"{1 / step:.6g}")] for step in range(1, 7)]
    assert curves["generator"] == [[step, -step] for step in range(1, 7)]
    assert curves["coverage"][-1] == [6, 1]
    assert curves["fid"] == [[6, 7.5]]
    assert (page.data["marks"], page.data["last"]) == ([{"number": 1, "step": 4}], 6)
    assert "mode-collapse at step 4" in page.said
    assert "samples show 0.14 of the data's variety" in page.said
    assert [one["max"] for one in page.all("input") if one.get("id") == "slider"] == ["2"]
    assert ("dd", "6 min") in page.texts


def test_settings_say_what_was_given_and_who_provides_each_component(make_run, report):
    page = report(make_run())
    rows = re.findall(r'<tr( class="given")?><th scope="row">([^<]*)</th><td>([^<]*)</td>', page.source)
    told = {name: (value, bool(given)) for given, name, value in rows}
    assert told["hidden_g"] == ("9, 8", True)
    assert told["shuffle"] == ("off", True)
    assert (told["size"], told["out"], told["steps"]) == (("16", False), ("none", False), ("6", False))
    assert '<p class="source">mlp from gantool 0.1.0</p>' in page.source
    assert '<p class="source given">shapes</p>' in page.source
    assert '<p class="source">bce from mine.py, sha256 12ab</p>' in page.source
    assert told["model hash"] == ("hash7", False)
    assert (told["samples"][0], told["labels"][0]) == ("3 x 16 x 16", "classes: a, b")
    assert (told["torch"][0], told["checkpoint"][0]) == ("2.9", "step-00000006.safetensors, step 6")


def test_the_command_to_repeat_is_of_the_settings_that_were_given(make_run, report):
    page = report(make_run("my run"))
    commands = [text for tag, text in page.texts if tag == "code"]
    assert commands[1].startswith("gantool train --config '")
    assert commands[2] == "gantool train --arch.hidden-g 9,8 --data shapes --no-data.shuffle --lr-g 0.001"
    assert len(commands) == 3


def test_a_run_that_still_goes_on_is_reported_as_far_as_it_is(make_run, report):
    folder = make_run(rows=[log_line(2)], meta=None, frames=1)
    (folder / "config.toml").write_text('[given.loss]\nname = "bce"\n[resolved.training]\nsteps = 90\n')
    page = report(folder)
    assert "6 of 90 steps up to here" in page.said
    assert "none that can be read: is a folder without a checkpoint" in page.said
    assert f"gantool train --resume {folder}" in page.said
    assert not [one for one in page.all("input") if one.get("id") == "slider"]


def test_a_run_without_a_single_setting_or_picture_still_has_its_curves(make_run, report):
    page = report(make_run(meta=None, frames=0))
    assert "A run whose settings cannot be read." in page.said
    assert page.all("img") == []
    assert len(page.all("svg")) == 4


def test_the_grid_of_the_end_is_kept_with_the_latents_it_carries(make_run, report, monkeypatch):
    folder = make_run()
    info = PngImagePlugin.PngInfo()
    z = {"shape": [1, 1], "type": "<f4", "data": base64.b64encode(bytes(4)).decode()}
    info.add_itxt("gantool", json.dumps({"model": "m", "format": 1, "gantool": "0", "z": z, "c": None}))
    picture(folder / "grid.png", "red", pnginfo=info)
    page = report(folder)
    last = page.all("img")[-1]["src"]
    assert base64.b64decode(last.partition(",")[2]) == (folder / "grid.png").read_bytes()
    assert "This picture carries its latents" in page.said


# What is left out


def test_lines_of_the_log_and_pictures_that_are_damaged_are_left_out_and_counted(make_run, report):
    folder = make_run()
    with (folder / "log.jsonl").open("a") as file:
        file.write('{"step": 7, "loss_d": \n[3]\n')
    (folder / "samples" / "step-00000001.png").write_bytes(b"no picture")
    page = report(folder)
    assert "Of the log 2 lines cannot be read and had to be left out." in page.said
    assert "1 grid cannot be read and had to be left out." in page.said
    assert len(page.all("img")) == 2


def test_of_many_grids_some_are_shown_evenly_spread_with_the_first_and_the_last(make_run, report):
    page = report(make_run(frames=FRAMES + 30))
    steps = [int(one["data-step"]) for one in page.all("img")]
    assert (len(steps), steps[0], steps[-1]) == (FRAMES, 0, FRAMES + 29)
    assert {b - a for a, b in pairwise(steps)} == {1, 2}
    assert f"{FRAMES} of {FRAMES + 30} grids are on the slider, evenly spread." in page.said
    assert spread(3, 60) == range(3)


def test_pictures_that_are_too_large_together_are_compressed_and_the_page_says_so(make_run, report, monkeypatch):
    monkeypatch.setattr("gantool.cli.run_page.FRAME_BYTES", 6000)
    folder = make_run(frames=1)
    picture(folder / "samples" / "step-00000001.png", None, (200, 200), noise=True)
    page = report(folder)
    small, large = (one["src"] for one in page.all("img"))
    assert small.startswith("data:image/png;base64,")
    assert large.startswith("data:image/webp;base64,")
    assert len(base64.b64decode(large.partition(",")[2])) <= 3000
    assert "Compressed to keep this file small: 1 grid." in page.said


def test_a_picture_is_halved_until_it_fits_but_not_below_what_can_be_seen(tmp_path):
    picture(tmp_path / "a.png", None, (300, 150), noise=True)
    halved = embed(tmp_path / "a.png", 1800)
    assert (halved.width, halved.height, halved.smaller) in [(150, 75, True), (75, 38, True), (75, 37, True)]
    least = embed(tmp_path / "a.png", 1)
    assert max(least.width, least.height) <= 64
    with pytest.raises(ValueError, match="no picture"):
        shrink(b"GIF89a", 100)


def test_a_long_curve_is_thinned_without_losing_a_spike_or_its_end():
    rows = [{"step": step, "loss_d": 100.0 if step == 7777 else step % 10} for step in range(50_000)]
    (chart,), left_out = charts(rows)
    points = chart.curves["discriminator"]
    assert len(points) <= MOST_POINTS + 1
    assert (7777, 100.0) in points
    assert points[-1] == (49_999, 9.0)
    assert left_out == 0
    assert points == sorted(points)


def test_more_curves_than_can_be_drawn_are_counted(make_run, report):
    page = report(make_run(rows=[log_line(1, **{f"n{index}": index for index in range(MOST_CURVES + 10)})]))
    assert len(page.curves()) <= MOST_CURVES
    assert re.search(r"Too many curves: \d+ are not drawn", page.said)


def test_values_that_no_axis_holds_are_left_out(make_run, report):
    folder = make_run()
    with (folder / "log.jsonl").open("a") as file:
        file.write(f'{{"step": 7, "loss_d": NaN, "loss_g": -Infinity, "rate": 1{"0" * 400}, "ok": true, "s": "1"}}\n')
    curves = report(folder).curves()
    assert {curves[name][-1][0] for name in ("discriminator", "generator", "images a second")} == {6}
    assert not {"ok", "s"} & curves.keys()


def test_evaluations_by_another_protocol_make_a_curve_of_their_own():
    rows = [{"step": step, "evaluation": {"fid": step}, "by": by} for step, by in ((1, "a"), (2, "b"), (3, "a"))]
    drawn, _ = charts(rows)
    assert [list(chart.curves.items()) for chart in drawn] == [
        [("fid", [(1, 1.0), (3, 3.0)])],
        [("fid (protocol 2)", [(2, 2.0)])],
    ]


# What a hostile file may not do


def test_what_files_say_is_shown_and_never_obeyed(make_run, report):
    rows = [log_line(1, **{HOSTILE: 2.0}, vitals={f"{HOSTILE}2": 1.0})]
    meta = {**META, "resolved": {**RESOLVED, HOSTILE: {HOSTILE: HOSTILE}}, "fingerprint": "\x1b[2J\u202e"}
    meta["components"] = {HOSTILE: {"name": HOSTILE, "dist": HOSTILE}}
    meta["condition"] = {"kind": "classes", "names": [HOSTILE]}
    folder = make_run("a<b>&", rows=rows, meta=meta)
    with (folder / "log.jsonl").open("a") as file:
        file.write(json.dumps({**FINDING, "finding": HOSTILE, "seen": HOSTILE, "try": HOSTILE}) + "\n")
    page = report(folder)
    assert [one.get("id") for one in page.all("script")] == ["data", None]
    assert {one["src"].partition(",")[0] for one in page.all("img")} == {"data:image/png;base64"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.said.count(HOSTILE) >= 7
    assert ("h1", "a<b>&") in page.texts
    assert "\\x1b[2J\\u202e" in page.said
    assert HOSTILE[:60] in page.curves()


def test_the_page_asks_for_nothing_and_allows_its_own_script_and_style_alone(make_run, report):
    page = report(make_run())
    assert not re.search(r"https?:|//[a-z]|url\(|@import|fetch\(|XMLHttp|import\(", page.source.split("<body>")[1])
    assert not re.search(r"https?:|url\(|@import", page.source)
    assert {name for name in ("link", "iframe", "object", "a", "form") if page.all(name)} == {"link"}
    assert [one["href"] for one in page.all("link")] == ["data:,"]
    policy = next(one["content"] for one in page.all("meta") if "http-equiv" in one)
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for tag in ("style", "script"):
        own = re.findall(rf"<{tag}>(.*?)</{tag}>", page.source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(own[0].encode()).digest()).decode()
        assert len(own) == 1
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not [attributes for _, attributes in page.elements if "style" in attributes]


def test_a_long_text_is_cut(make_run, report):
    page = report(make_run(meta={**META, "fingerprint": "f" * 10**6}))
    assert len(page.source) < 200_000


# Without torch


def test_a_report_needs_no_torch(make_run):
    code = (
        "import sys; from gantool.cli.main import run\n"
        "try: run(sys.argv[1:])\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert 'torch' not in sys.modules"
    )
    line = [sys.executable, "-c", code, "report", str(make_run())]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# Wrong input

RUN_OR_AUDIT = "a run folder, or a .json that gantool direction audit left"
WRONG = {
    "nothing": f"nothing: does not exist; {RUN_OR_AUDIT}; type: ls runs",
    "empty": "empty: is a folder without log.jsonl; a run folder; type: ls runs",
    "silent": "silent/log.jsonl: is empty: the run has told nothing yet; the log of a run; "
    "type: gantool inspect silent",
    "torn": "torn/log.jsonl: has no line that can be read; the log of a run; type: gantool inspect torn",
    "run -o a.txt": "-o: a.txt was given; a .html file; type: -o a.html",
    "run -o run": "-o: run was given, and is a folder; a .html file",
    "run -o torn/log.jsonl/a.html": "torn/log.jsonl/a.html: cannot be written (File exists); a folder with room; "
    "choose another place",
    "torn/log.jsonl": "torn/log.jsonl: is not JSON; a .json that gantool direction audit left",
    "other.json": "other.json: holds no audit; a .json that gantool direction audit left",
    "newer.json": "newer.json: was written in format 9 by gantool 7; this gantool reads up to 1; "
    "pip install -U gantool",
    "run/samples/step-00000000.png": "run/samples/step-00000000.png: is neither a run folder nor an audit; a run "
    "folder, or a .json that gantool direction audit left; type: gantool inspect run/samples/step-00000000.png",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_input_is_one_line_and_writes_nothing(line, make_run, run_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run()
    for name, text in {"empty": None, "silent": "\n", "torn": '{"step": 1'}.items():
        (tmp_path / name).mkdir()
        if text:
            (tmp_path / name / "log.jsonl").write_text(text)
    (tmp_path / "other.json").write_text('{"kind": "evaluation"}')
    (tmp_path / "newer.json").write_text('{"kind": "audit", "format": 9, "gantool": "7"}')
    before = sorted(tmp_path.rglob("*"))
    done = run_cli("report", *line.split())
    assert (done.code, done.out, done.err) == (2, "", f"error: {WRONG[line]}\n")
    assert sorted(tmp_path.rglob("*")) == before


# The page of an audit


def audit_of(**changes):
    inside = {"matched": False, "effect": 2.0, "effect_interval": (1.9, 2.1), "selectivity": 0.7}
    inside |= {"selectivity_interval": (0.6, 0.8), "monotonicity": 1.0, "explained": 0.8, "aim": 0.97, "leak": 0.5}
    inside |= {"leak_interval": (0.4, 0.6), "data_r": 0.6, "data_p": 0.001}
    rows = [Row("smile", "smile", leak_name=HOSTILE, verdict="the data", **inside)]
    rows.append(Row("pca1", "smile", leak_name="age", verdict="clean", **{**inside, "matched": True}))
    with BytesIO() as file:
        Image.new("RGB", (20, 8), "blue").save(file, "WEBP")
        strip = base64.b64encode(file.getvalue()).decode()
    square = [[1.0, -0.25], [-0.25, 1.0]]
    source = {"directions": "d/smile.safetensors", "by": "faces", "model hash": "hash7", "again": "gantool again"}
    plain = {"effects": [[2.0, -1.0], [0.5, 0.25]], "cosines": square, "generated": square, "real": None}
    whole = {"features": ["smile", HOSTILE], "directions": rows, **plain, "samples": 64, "strength": 2.0}
    return StoredAudit(**{**whole, "source": source, "strips": {"smile": strip}, **changes})


def test_an_audit_is_shown_with_its_figures_matrices_and_strips(tmp_path, report):
    audits.write(tmp_path / "smile-audit.json", audit_of())
    page = report(tmp_path / "smile-audit.json")
    assert (tmp_path / "smile-audit.html").is_file()
    assert "smile +2.00 [+1.90, +2.10] 0.70 [0.60, 0.80]" in page.said
    assert f"smile moves {HOSTILE} by +0.50 for each step of smile; the real data has the two together" in page.said
    assert "pca1 is no feature's name: it is judged by smile, which it moves most." in page.said
    assert [one["data-most"] for one in page.all("table") if "data-most" in one] == ["2", "1", "1"]
    assert re.findall(r"<td>([+-]\d\.\d\d)</td>", page.source.partition("Effects</h3>")[2])[:4] == [
        "+2.00",
        "-1.00",
        "+0.50",
        "+0.25",
    ]
    (strip,) = page.all("img")
    assert (strip["src"][:22], strip["width"], strip["height"]) == ("data:image/webp;base64", "20", "8")
    assert "gantool again" in page.said
    assert [one.get("id") for one in page.all("script")] == ["data", None]


def test_inspect_explains_an_audit(tmp_path, run_cli):
    audits.write(tmp_path / "a.json", audit_of())
    said = run_cli("inspect", tmp_path / "a.json").out
    assert f"{tmp_path / 'a.json'}: an audit of directions by gantool " in said
    assert "smile: the data, pca1: clean" in said
    assert said.splitlines()[-1] == f"Next: gantool report {tmp_path / 'a.json'}"


DAMAGED = {
    "a matrix of another size": ({"effects": [[1.0]]}, "effects is not 2 x 2"),
    "a strip that is not base64": ({"strips": {"smile": "%"}}, "is damaged ("),
    "a strip that is no picture": ({"strips": {"smile": "QUJD"}}, "the strip of smile: it is no picture"),
    "figures that are no numbers": ({"samples": "many"}, "Expected `int`, got `str`"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_audit_is_refused_in_one_line(case, tmp_path, run_cli):
    changes, said = DAMAGED[case]
    audits.write(tmp_path / "a.json", audit_of(**changes))
    done = run_cli("report", tmp_path / "a.json")
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "a.html").exists()
