"""Small JPEG files of every colour space, and how Pillow sees them: golden data of the reader of pictures.

    python testdata/images/generate.py

It needs numpy and Pillow, and writes the .jpg files and views.toml beside itself. README.md there describes them.
"""

from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
HEIGHT, WIDTH, SIZE = 21, 36, 14


def waves(channels):
    """Smooth, so that JPEG keeps it nearly as it is, and different in each channel."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [128 + 60 * np.sin(0.2 * x + c) + 50 * np.cos(0.25 * y - 2 * c) for c in range(channels)]
    return np.stack(planes, axis=-1).clip(0, 255).astype(np.uint8)


def cmyk():
    return Image.fromarray(waves(4), "CMYK")


def as_ycck(jpeg):
    """The same file, its first three channels declared as YCbCr: the colour transform of the Adobe marker becomes 2."""
    marker = jpeg.index(b"\xff\xee\x00\x0eAdobe")
    return jpeg[: marker + 15] + b"\x02" + jpeg[marker + 16 :]


def view(path):
    """The usual evaluation of ImageNet: the shorter side becomes SIZE 256 / 224, the central square of SIZE is kept."""
    image = Image.open(path).convert("RGB")
    short = SIZE * 256 // 224
    image = image.resize((short * image.width // image.height, short), Image.Resampling.BILINEAR)
    left, top = (image.width - SIZE) // 2, (image.height - SIZE) // 2
    return np.asarray(image.crop((left, top, left + SIZE, top + SIZE)))


def main():
    options = {"quality": 95, "subsampling": 0}
    Image.fromarray(waves(3), "RGB").save(HERE / "rgb.jpg", **options)
    Image.fromarray(waves(3), "RGB").save(HERE / "progressive.jpg", progressive=True, **options)
    Image.fromarray(waves(1)[..., 0], "L").save(HERE / "grey.jpg", **options)
    cmyk().save(HERE / "cmyk.jpg", **options)
    (HERE / "ycck.jpg").write_bytes(as_ycck((HERE / "cmyk.jpg").read_bytes()))
    lines = ["# Written by generate.py: [14, 14, 3] values from 0 to 255, row by row."]
    for path in sorted(HERE.glob("*.jpg")):
        lines += ["", f"{path.stem} = ["]
        lines += [f"    {', '.join(str(value) for value in row.ravel())}," for row in view(path)]
        lines += ["]"]
    (HERE / "views.toml").write_text("\n".join(lines) + "\n")


main()
