#!/usr/bin/python3
"""differences.py A.png B.png: how many pixels differ, the largest difference of a sample and the mean of all (of 255)."""
import sys

from PIL import Image, ImageChops, ImageStat

first, second = (Image.open(name).convert("RGB") for name in sys.argv[1:3])
if first.size != second.size:
    sys.exit(f"{sys.argv[1]} is {first.size}, {sys.argv[2]} is {second.size}")
apart = ImageChops.difference(first, second)
# The largest of the three samples of a pixel tells whether it differs.
red, green, blue = apart.split()
largest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
pixels = first.size[0] * first.size[1]
differing = pixels - largest.histogram()[0]
print(f"{differing} of {pixels} px, {largest.getextrema()[1]}, {sum(ImageStat.Stat(apart).mean) / 3:.2f}")
