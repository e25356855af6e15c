#!/usr/bin/env bash
# The whole path on generated rooms: scans are generated, ingested, and queried by words, image and SQL.
# Usage: docs/demo.sh [FOLDER]; existing files are kept, so a second run is quick.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-demo}
export PATH="$PWD/.venv/bin:$PATH" OVSTORE_HOME="$folder/store"
mkdir -p "$folder"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { # shows the command as one would type it, then runs it
  local word line="\$"
  for word in "$@"; do [[ $word =~ ^[A-Za-z0-9_./:=,+-]+$ ]] && line+=" $word" || line+=" \"$word\""; done
  printf '\033[2m%s\033[0m\n' "$line"
  "$@"
}

say "Generate twelve rooms in the files of ScanNet (.sens, meshes, segmentations). One of them contains a snoopy."
if [ -e "$folder/scans/truth.json" ]; then
  echo "They already exist in $folder/scans."
else
  run ovstore generate scannet "$folder/scans" --scenes 12 --seed 1 --frames 24 --workers 2 --force
fi

say "Ingest them: which frame sees which point, what the network sees there, and the objects that make up each room."
run ovstore ingest scannet "$folder/scans" --encoder tiny --frame-stride 1 --workers 2
run ovstore scenes

say "Search by words: a small toy among twelve rooms of furniture."
run ovstore search "snoopy" --top 3 --save-picture "$folder/snoopy.png" --save-ply "$folder/snoopy.ply"
run ovstore search "a yellow curtain" --not window --top 3 --save-picture "$folder/curtain.png"

say "Search by where a thing stands, too."
run ovstore search --ask "book on table" --top 2 --save-picture "$folder/book-on-table.png"

say "Search by image: a box drawn in one frame finds the same thing in 3D."
IFS=$'\t' read -r image box < <(ovstore search "snoopy" --top 1 --json | python -c '
import json, sys
view = json.load(sys.stdin)["hits"][0]["evidence"][1]
print(view["image_path"], ",".join(f"{value:.0f}" for value in view["box_xyxy"]), sep="\t")')
run ovstore search --image "$image" --box "$box" --top 3 --save-picture "$folder/by-image.png"

say "Query in SQL, with words in the statement."
run ovstore sql "SELECT scene, region, label, point_count, round((1 - (embedding <=> {text:something to sit on}))::numeric, 3) AS score
  FROM region_overview WHERE level = 'object' AND size_z < 1.5 ORDER BY score DESC LIMIT 5"

say "Draw a heat map for a query."
run ovstore show scene0004_00 --query "somewhere soft" --save-picture "$folder/somewhere-soft.png"

say "Look at it all in a browser: a grid of rooms, a search box, the rooms in 3D."
echo "Type this: .venv/bin/ovstore --store $folder/store web --open"

say "Images to open are in $folder/:"
ls "$folder"/*.png "$folder"/*.ply
say "The tiny encoder knows generated rooms only. For real scans: ovstore ingest scannet SCANS --encoder openclip"
