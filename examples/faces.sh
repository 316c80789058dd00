#!/bin/sh
# A GAN of faces that came from elsewhere: imported, walked through, and steered along directions found without labels.
#
#   pip install --no-deps gan-face-generate==1.1.1    # MIT; trained on 64x64 renders of faces
#   pip show -f gan-face-generate                     # its Location: WEIGHTS is gan_face_generate/weights.tar there
#   sh faces.sh WEIGHTS
#
# The file is a pickle; gantool reads its tensors and runs nothing that is in it. Run it in an empty folder.
set -eu

# What is it? Then the same weights as a checkpoint of gantool.
gantool inspect "$1"
gantool convert "$1" faces.safetensors
gantool sample faces.safetensors --seeds 0-15 -o faces.png

# A film that ends where it began.
gantool interpolate faces.safetensors seed:1 seed:2 seed:3 --loop closed -o faces.gif

# What the first layer amplifies most, and what varies most in the pixels.
gantool direction find faces.safetensors --method sefa -o sefa.safetensors
gantool direction find faces.safetensors --method pca -n 1000 -o pca.safetensors
gantool direction show sefa.safetensors
gantool direction show pca.safetensors

# Four faces along the first of each, as a strip and as a film. Then one face two standard deviations towards the light.
gantool steer faces.safetensors --directions sefa.safetensors --toward sefa1 --seeds 0-3 -o turn.png
gantool steer faces.safetensors --directions pca.safetensors --toward pca1 --seeds 0-3 -o light.png
gantool steer faces.safetensors --directions sefa.safetensors --toward sefa1 --seeds 0-3 -o turn.gif
gantool interpolate faces.safetensors --directions pca.safetensors --arith "seed:1 - 2*pca1" -o bright.png
