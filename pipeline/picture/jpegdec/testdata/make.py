"""Draws the JPEGs of the tests: smooth colours, hard edges and noise, odd sizes. Needs numpy and Pillow."""

import numpy as np
from PIL import Image, ImageDraw

rng = np.random.default_rng(7)


def scene(w, h):
    y, x = np.mgrid[0:h, 0:w]
    rgb = np.stack([x * 255 / w, y * 255 / h, 127 + 120 * np.sin(x / 9) * np.cos(y / 7)], -1)
    rgb[h // 2:, w // 2:] += rng.normal(0, 60, (h - h // 2, w - w // 2, 3))
    img = Image.fromarray(rgb.clip(0, 255).astype(np.uint8))
    ImageDraw.Draw(img).ellipse([w * .2, h * .2, w * .6, h * .7], fill=(255, 0, 0), outline=(0, 0, 255))
    return img


for name, size, options in [
    ("420.jpg", (123, 77), dict(subsampling="4:2:0", quality=85)),
    ("422-restart.jpg", (97, 61), dict(subsampling="4:2:2", quality=92, restart_marker_blocks=3)),
    ("444-best.jpg", (41, 35), dict(subsampling="4:4:4", quality=100, optimize=True)),
    ("411.jpg", (70, 33), dict(subsampling="4:1:1", quality=75)),
    ("progressive-420.jpg", (123, 77), dict(subsampling="4:2:0", quality=90, progressive=True)),
    ("progressive-444-restart.jpg", (50, 66), dict(subsampling="4:4:4", quality=97, progressive=True, restart_marker_rows=1)),
]:
    scene(*size).save(name, **options)
scene(65, 49).convert("L").save("grey.jpg", quality=80)
scene(65, 49).convert("L").save("progressive-grey.jpg", quality=95, progressive=True)
