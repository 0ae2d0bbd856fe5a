"""What Pillow and NumPy make of images, for comparison.

usage: preprocess_images.py FOLDER
Draws images of many formats and sizes into FOLDER/images, and writes FOLDER/<case>.npy for each case: the float32 rows
[images, ...] of every image in the order of its name, computed in double precision and rounded once.
"""

import sys
from pathlib import Path

import numpy
from PIL import Image, ImageOps

root = Path(sys.argv[1])
images = root / 'images'
images.mkdir()
random = numpy.random.default_rng(5)


def draw(width, height):
    y, x = numpy.mgrid[0:height, 0:width]
    waves = [128 + 100 * numpy.sin(x / (7 + 3 * c) + c) * numpy.cos(y / (11 - 2 * c)) for c in range(3)]
    noise = random.integers(-25, 25, (height, width, 3))
    return Image.fromarray((numpy.stack(waves, 2) + noise).clip(0, 255).astype('uint8'))


draw(500, 375).save(images / 'a-420.jpg', quality=80)
draw(375, 500).save(images / 'b-444.jpg', quality=95, subsampling=0)
draw(640, 427).save(images / 'c-progressive.jpg', progressive=True)
rotated = draw(300, 401)
exif = rotated.getexif()
exif[0x0112] = 8
rotated.save(images / 'd-rotated.jpg', exif=exif)
draw(333, 256).convert('L').save(images / 'e-gray.jpg')
draw(257, 300).save(images / 'f.png')
draw(301, 280).convert('P').save(images / 'g-palette.png')
draw(264, 301).convert('L').save(images / 'h-gray.png')
alpha = draw(290, 270)
alpha.putalpha(Image.fromarray(random.integers(0, 255, (270, 290)).astype('uint8')))
alpha.save(images / 'i-alpha.png')
draw(270, 310).save(images / 'j.webp', lossless=True)
draw(310, 270).save(images / 'k.tif')
draw(224, 224).convert('P').save(images / 'l.gif')


def shortest_side(image, side, resample):
    width, height = image.size
    if width <= height:
        return image.resize((side, int(side * height / width)), resample)
    return image.resize((int(side * width / height), side), resample)


def centre(image, height, width):
    top, left = int(round((image.height - height) / 2.0)), int(round((image.width - width) / 2.0))
    return image.crop((left, top, left + width, top + height))


def letterbox(image, size):
    ratio = min(size / image.height, size / image.width)
    width, height = int(round(image.width * ratio)), int(round(image.height * ratio))
    canvas = Image.new('RGB', (size, size), (114, 114, 114))
    left, top = int(round((size - width) / 2 - 0.1)), int(round((size - height) / 2 - 0.1))
    canvas.paste(image.resize((width, height), Image.Resampling.BILINEAR), (left, top))
    return canvas


def normalise(image, scale, mean, std):
    pixels = numpy.asarray(image).astype('float64')
    return ((pixels * scale[0] / scale[1] - numpy.array(mean)) / numpy.array(std)).astype('float32')


IMAGENET = ((1, 255), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
BILINEAR, BICUBIC = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC


def ready(image):
    return image if image.size == (224, 224) else centre(shortest_side(image, 256, BILINEAR), 224, 224)


CASES = {
    'imagenet': lambda image: normalise(ready(image), *IMAGENET).transpose(2, 0, 1),
    'caffe': lambda image: normalise(
        Image.fromarray(numpy.asarray(ready(image))[:, :, ::-1]), (1, 1), [104, 117, 123], [1, 1, 1]
    ).transpose(2, 0, 1),
    'mobilenet': lambda image: normalise(ready(image), (1, 127.5), 1, 1),
    'stretch': lambda image: normalise(image.resize((80, 64), BICUBIC), (1, 255), 0, 1).transpose(2, 0, 1),
    'letterbox': lambda image: normalise(letterbox(image, 160), (1, 255), 0, 1).transpose(2, 0, 1),
    'gray': lambda image: normalise(image.convert('L').resize((28, 28), BILINEAR), (1, 255), 0.1307, 0.3081)[None],
}
decoded = [ImageOps.exif_transpose(Image.open(path)).convert('RGB') for path in sorted(images.iterdir())]
for name, preprocess in CASES.items():
    numpy.save(root / f'{name}.npy', numpy.stack([numpy.ascontiguousarray(preprocess(image)) for image in decoded]))
