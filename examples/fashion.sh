#!/bin/sh
# Fashion-MNIST with its classes: train, sample the classes that are asked for, walk through all ten, report.
#
#   sh fashion.sh DIR
#
# DIR holds the four IDX files, gzipped or not; Debian has them as the package dataset-fashion-mnist. Run it in an empty
# folder: what it makes is left there, pictures beside runs/. The training is short, to see something soon. Without
# --steps it makes the 8,000 of the settings that were measured for such data.
set -eu

# What is in there?
gantool data inspect --data fashion-mnist --data.root "$1" -o clothes.png

# The class joins z as a one-hot code, and the picture as constant planes.
gantool train --data fashion-mnist --data.root "$1" --loss bce --condition onehot --steps 1500

# Eight sandals above eight bags. Then a walk through the ten classes, the same noise for each: a strip and a film.
gantool sample runs/fashion-mnist-dcgan-bce --class Sandal=8 --class Bag=8 -o bags.png
gantool interpolate runs/fashion-mnist-dcgan-bce class:all --seed 1 --frames 10 -o classes.png
gantool interpolate runs/fashion-mnist-dcgan-bce class:all --seed 1 --loop pingpong -o classes.gif

# Does a sample show the class that it was asked for? A classifier of the real pictures says. This needs scipy:
# pip install 'gantool[metrics]'
gantool classifier train --data fashion-mnist --data.root "$1" --steps 500 -o clothes.safetensors
gantool evaluate runs/fashion-mnist-dcgan-bce --metrics class-accuracy --extractor clothes.safetensors -n 2000

# Curves, pictures and settings in one HTML file.
gantool report runs/fashion-mnist-dcgan-bce -o fashion.html
