#!/bin/sh
# Mode collapse, made and cured: eight Gaussians on a ring, of which the generator first finds one.
#
#   sh collapse.sh
#
# It needs no data. Run it in an empty folder.
set -eu

# D learns ten times as fast as G and five times as often, and G has the loss whose slope vanishes. About a third of the
# way the run says what it sees, and which command to try.
gantool train --data gaussians --loss minimax --lr-g 2e-4 --lr-d 2e-3 --n-critic 5 --steps 1000 -o runs/collapsed
gantool evaluate runs/collapsed --metrics modes

# That command, with a folder of its own.
gantool train --config runs/collapsed --loss wgan-gp --lr-g 0.001 --lr-d 0.001 -o runs/cured
gantool evaluate runs/cured --metrics modes
gantool evaluate --compare runs/collapsed/evaluation.json runs/cured/evaluation.json

# Both as pages: the finding is marked on the curves.
gantool report runs/collapsed -o collapsed.html
gantool report runs/cured -o cured.html
