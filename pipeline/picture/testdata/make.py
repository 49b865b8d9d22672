"""Makes the small picture files beside it that Go's own encoders cannot write.

    pip install pillow==13.0.0 pillow-heif==1.8.1
    python make.py

All show the scene of the function of the same name in picture_test.go: 96 x 80 pixels, in HEIC 160 x 130.
"""

import pathlib

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()
W, H = 96, 80
LARGE = 160, 130
HERE = pathlib.Path(__file__).parent


def scene(mode="RGB", size=(W, H)):
    w, h = size
    im = Image.new("RGB", size)
    im.putdata([(40 + 150 * x // w, 60 + 120 * y // h, 80 + 60 * (x * y) // (w * h)) for y in range(h) for x in range(w)])
    return im.convert(mode)


def half_clear():
    """The scene, its opacity growing from left to right."""
    im = scene("RGBA")
    im.putalpha(Image.frombytes("L", (W, H), bytes(255 * x // (W - 1) for _ in range(H) for x in range(W))))
    return im


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e.tobytes()


def save(im, name, **options):
    path = HERE / name
    im.save(path, **options)
    print(name, path.stat().st_size)


# Inks of one colour: C 40, M 90, Y 140, K 30 of 255.
save(Image.new("CMYK", (W, H), (40, 90, 140, 30)), "cmyk.jpg", quality=95)
save(scene(), "progressive.jpg", quality=90, progressive=True)
save(scene(), "lossy.webp", quality=95)
save(scene(), "lossless.webp", lossless=True)
save(half_clear(), "lossy-alpha.webp", quality=95)
save(half_clear(), "lossless-alpha.webp", lossless=True)
save(scene().transpose(Image.Transpose.ROTATE_90), "turned.webp", quality=95, exif=exif(6))
save(scene(), "animated.webp", quality=50, save_all=True, append_images=[scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
large = scene(size=LARGE)
save(large, "plain.heic", quality=90)
save(large, "video-range-709.heic", quality=90, matrix_coefficients=1, full_range_flag=0, color_primaries=1, transfer_characteristics=1)
save(large, "display-p3.heic", quality=90, matrix_coefficients=6, full_range_flag=1, color_primaries=12, transfer_characteristics=13)
save(large.transpose(Image.Transpose.ROTATE_90), "turned.heic", quality=90, exif=exif(6))
save(scene("L", LARGE), "grey.heic", quality=90)
save(scene(), "narrow.heic", quality=90)
