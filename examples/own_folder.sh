#!/bin/sh
# A folder of pictures of your own: look into it, pack it, train, sample, go on with the run.
#
#   sh own_folder.sh PHOTOS
#
# PHOTOS holds pictures of any size: JPEG, PNG or WebP, grey, colour or transparent. Its sub-folders, if there are any,
# are classes: add --condition onehot to use them. Run it in an empty folder. The expected picture was made of flags:
#
#   npm install --ignore-scripts svg-country-flags@1.2.10    # public domain
#   sh own_folder.sh node_modules/svg-country-flags/png100px
#
# They differ in height, so they are stretched to 48x32. For photographs write --data.size 32 in the place of the three
# flags: the centre is cut out.
set -eu

# How many, of which shape, and what do they look like once they are cut?
gantool data inspect --data folder --data.root "$1" \
    --data.width 48 --data.height 32 --data.fit stretch -o look.png

# One file that is read without decoding. What is damaged, double or odd is listed in pictures.safetensors.report.txt.
gantool data pack --data folder --data.root "$1" \
    --data.width 48 --data.height 32 --data.fit stretch --data.duplicates drop -o pictures.safetensors
gantool inspect pictures.safetensors

# The settings that were measured for the embedded shapes: they show something after few steps.
gantool train --data packed --data.root pictures.safetensors --loss wgan-gp --steps 800 -o runs/own \
    --arch.channels 24 --arch.upsample nearest --arch.kernel 3 --lipschitz.every 2 \
    --n-critic 1 --batch-size 32 --lr-g 1e-3 --lr-d 1e-3 --latent-dim 32
gantool sample runs/own -n 16 --columns 8 -o early.png

# Go on where it stopped, to step 1200. The same z, a better G.
gantool train --resume runs/own --steps 1200
gantool sample runs/own -n 16 --columns 8 -o late.png
