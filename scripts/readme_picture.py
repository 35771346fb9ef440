"""Draw the README's picture from `make demo`: a pileup image above the report's difference figure.

Usage: python scripts/readme_picture.py
"""
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dv_bench.core import home_folder, project_file
from dv_bench.dataset import PileupDataset

rows_shown = 42      # of the image's 100 rows; the others are empty at this depth
columns_shown = 161  # of the image's 221 columns
gap = 8              # pixels between the panels
title_height = 30    # pixels
width = 1600         # pixels of the whole picture


def heterozygous_snp(dataset: PileupDataset) -> int:
    "Row of the first heterozygous SNP with at least 25 reads."
    index = dataset.index
    is_wanted = (index.label == 1) & (index.variant_type == "SNP") & (index.depth >= 25)
    return int(np.flatnonzero(is_wanted)[0])


def channel_panels(dataset: PileupDataset, row: int) -> list[tuple[str, np.ndarray]]:
    "Name and pixels (rows_shown, columns_shown) of every channel."
    pixels = dataset.image(row)
    left = (pixels.shape[2]-columns_shown)//2
    columns = slice(left, left+columns_shown)
    return [(name, pixels[k, :rows_shown, columns]) for k, name in enumerate(dataset.channels)]


def strip(panels: list[tuple[str, np.ndarray]]) -> Image.Image:
    "All channels side by side, each under its name."
    panel_width = (width-gap*(len(panels)-1))//len(panels)
    panel_height = round(panel_width*rows_shown/columns_shown*1.6)
    picture = Image.new("RGB", (width, title_height+panel_height), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=17)
    for k, (name, pixels) in enumerate(panels):
        x = k*(panel_width+gap)
        draw.text((x, 4), name.replace("_", " "), fill="black", font=font)
        panel = Image.fromarray(pixels).resize((panel_width, panel_height), Image.NEAREST)
        picture.paste(panel, (x, title_height))
    return picture


def main():
    "Write docs/images/readme.png; exit with a message when the demonstration was not run."
    home = home_folder()
    figure_path = home/"outputs"/"demo"/"figures"/"differences.png"
    if not figure_path.exists():
        sys.exit(f"{figure_path} does not exist; run `make demo` first, with Chromium installed")
    dataset = PileupDataset(home/"data"/"demo")
    top = strip(channel_panels(dataset, heterozygous_snp(dataset)))
    figure = Image.open(figure_path).convert("RGB")
    figure = figure.resize((width, round(figure.height*width/figure.width)), Image.LANCZOS)
    picture = Image.new("RGB", (width, top.height+2*gap+figure.height), "white")
    picture.paste(top, (0, 0))
    picture.paste(figure, (0, top.height+2*gap))
    out = project_file("docs/images/readme.png")
    out.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(128).save(out, optimize=True)
    print(out)


if __name__ == "__main__": main()
