#!/bin/sh
# All figures of ovstore-bench-2 that docs/retrieval.md prints: the rooms, four feature sets, a table for each.
#
#     bench/things2.sh FOLDER [WORKERS]
#
# About 20 CPU minutes with two workers, of which generating the rooms takes a third; 2 GB below FOLDER. What is there
# already is left alone, so that a table can be made again after `ovstore ingest ... --again` or with other weights.
set -eu
folder=$1 workers=${2:-2}
export OVSTORE_HOME="$folder/store" OMP_NUM_THREADS=1
rooms="$folder/bench2" maps="$folder/bench2/simulated"
[ -e "$rooms/truth.json" ] || ovstore generate bench2 "$rooms" --workers "$workers" --simulated
ovstore ingest rgbd "$rooms" --name bench2 --encoder tiny --workers "$workers"
ovstore eval retrieval --bench "$rooms" --features tiny --out "$folder/tiny.md"
for level in low moderate high; do
    ovstore ingest rgbd "$rooms" --name bench2 --features "simulated-$level" --workers "$workers" \
        --encoder precomputed --files "$maps/$level" --text table --names "$maps/names.txt" --text-weights "$maps/texts.npy"
    ovstore eval retrieval --bench "$rooms" --features "simulated-$level" --out "$folder/simulated-$level.md"
done
