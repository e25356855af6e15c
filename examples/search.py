"""Query a store in words, print the hits, and save an image of the frames that show them.

ovstore generate scannet scans --scenes 2
ovstore ingest scannet scans --frame-stride 1 --encoder tiny
python examples/search.py "a red chair" --image hits.png
"""

import argparse
import sys
from pathlib import Path

import ovstore
from ovstore.drawing.contact_sheet import save_contact_sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("text", help="what to look for")
    parser.add_argument(
        "--store", type=Path, help="the folder of the store; by default the one that OVSTORE_HOME names"
    )
    parser.add_argument("--top", type=int, default=5, help="how many hits")
    parser.add_argument("--image", type=Path, help="where to save the frames that show the hits, as .png or .jpg")
    arguments = parser.parse_args()

    with ovstore.open(arguments.store) as store:
        answer = store.search(arguments.text, top=arguments.top)
        if answer.probably_here is False:
            print(f"{arguments.text!r} is probably not in any scene; the nearest regions:")
        for rank, hit in enumerate(answer, start=1):
            x, y, z = hit.centre
            print(f"{rank}. {hit.full_name}  score {hit.score:.3f}  at {x:.2f} {y:.2f} {z:.2f} m")
            for seen in hit.evidence[:1]:
                print(f"   frame {seen.frame}, pixels {[round(side) for side in seen.box_xyxy]}")
        if arguments.image:
            save_contact_sheet(answer, arguments.image)
            print(f"Saved {arguments.image}")


if __name__ == "__main__":
    try:
        main()
    except ovstore.OvstoreError as error:
        sys.exit(f"Error: {error}")
