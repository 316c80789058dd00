#!/bin/sh
# Faces of CelebA at 128x128 by the recipe faces128, for those who have the data.
#
#   sh celeba.sh ROOT
#
# ROOT holds img_align_celeba/ and list_attr_celeba.txt or .csv, and list_eval_partition if it is there, as the authors
# or Kaggle lay them out. Run it in an empty folder.
#
# No figure and no picture is claimed. These commands were run on a stand-in folder of a few pictures, with their
# lengths cut; never on CelebA, and never to the recipe's 10,000 steps of 5 x 128 pictures, which want a GPU.
# `gantool train --recipe faces128 --dry-run` lists the recipe's settings.
set -eu

# The middle 178x178 of each picture, at 128x128, which is what the recipe was made for. It sets no size by itself.
gantool data inspect --data celeba --data.root "$1" --data.size 128 -o celeba.png
gantool data pack --data celeba --data.root "$1" --data.size 128 -o celeba.safetensors

# Stopped half-way, it goes on with: gantool train --resume runs/celeba
gantool train --recipe faces128 --data packed --data.root celeba.safetensors -o runs/celeba
gantool sample runs/celeba --seeds 0-15 -o faces.png
gantool interpolate runs/celeba seed:1 seed:2 seed:3 --loop closed -o faces.gif

# The model has no labels. A classifier that learns CelebA's finds where in z they lie.
gantool classifier train --data packed --data.root celeba.safetensors --targets Smiling,Eyeglasses -o told.safetensors
gantool direction find runs/celeba --classifier told.safetensors -o attributes.safetensors
gantool steer runs/celeba --directions attributes.safetensors --toward Smiling --seeds 0-7 -o smiling.png
