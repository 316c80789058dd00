"""The two npm packages as these tests need them: pictures of one colour and a few words, none of the real data."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

SIDE = 16
TONES = ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")
# code points, category, subcategory, keywords, mode of the file, colour in that mode
DRAWN = (
    ("1F600", "Smileys & Emotion", "face-smiling", ["grinning_face", "smile", ":D"], "RGBA", (255, 0, 0, 128)),
    ("1F638", "Smileys & Emotion", "cat-face", ["grinning_cat", "smiling", "smile", "animal"], "RGBA", (9, 8, 7, 255)),
    ("1F408", "Animals & Nature", "animal-mammal", ["cat", "cats", "pet"], "RGBA", (0, 0, 0, 0)),
    ("1F415", "Animals & Nature", "animal-mammal", ["dog", "pet"], "LA", (100, 255)),
    ("2764-FE0F", "Smileys & Emotion", "heart", ["red_heart", "love"], "LA", (0, 128)),
    ("1F3C1", "Flags", "flag", ["chequered_flag", "race"], "P", (3, 200, 40)),
    ("1F44B", "People & Body", "hand-fingers-open", ["waving_hand"], "RGB", (250, 200, 0)),
    ("1F46B", "People & Body", "family", ["couple", "love"], "RGBA", (1, 2, 3, 255)),
    ("1F3FB", "Component", "skin-tone", ["light"], "RGBA", (5, 5, 5, 255)),
)
VARIANTS = {"1F44B": TONES, "1F46B": ("1F3FB-1F3FF", "1F3FF-1F3FF")}
SHOWN = 8 + 5 + 1  # neither a bare swatch of skin nor a couple in two tones


def make_packages(root: Path) -> Path:
    """Write the packages below ``root`` as npm does, and return it."""
    pictures = root / "node_modules/emoji-datasource-google/img/google/64"
    pictures.mkdir(parents=True)
    rows = []
    for code, category, subcategory, _, mode, colour in DRAWN:
        row = {"unified": code, "image": f"{code.lower()}.png", "category": category, "subcategory": subcategory}
        draw(pictures / row["image"], mode, colour)
        if code in VARIANTS:
            row["skin_variations"] = {tone: {"image": f"{code}-{tone}.png".lower()} for tone in VARIANTS[code]}
            for variant in row["skin_variations"].values():
                draw(pictures / variant["image"], mode, colour)
        rows.append(row)
    write_rows(root, rows)
    write_keywords(root, {code: keywords for code, _, _, keywords, _, _ in DRAWN})
    return root


def draw(path: Path, mode: str, colour: tuple[int, ...], side: int = SIDE) -> None:
    """Write a PNG of one colour; one with a palette is transparent in its left half."""
    if mode != "P":
        Image.new(mode, (side, side), colour).save(path)
        return
    image = Image.new("P", (side, side), 1)
    image.putpalette([77, 77, 77, *colour])
    image.paste(0, (0, 0, side // 2, side))
    image.save(path, transparency=0)


def write_rows(root: Path, rows: list[dict[str, object]]) -> None:
    """Write the table of emoji."""
    (root / "node_modules/emoji-datasource-google/emoji.json").write_text(json.dumps(rows), encoding="utf-8")


def write_keywords(root: Path, keywords: dict[str, list[str]]) -> None:
    """Write the keywords, by the emoji themselves, which lack the selector of colour."""
    characters = {"".join(chr(int(point, 16)) for point in code.split("-")): code for code in keywords}
    found = {emoji.replace("\ufe0f", ""): keywords[code] for emoji, code in characters.items()}
    path = root / "node_modules/emojilib/dist/emoji-en-US.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
