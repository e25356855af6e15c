/** The scene's bytes onto the stage: manifest, points as they stream in, then the mesh where there is one. */

import { MOST_POINTS, stream, wantedPoints } from "../view/arrival.js";
import { Geometry } from "../view/geometry.js";
import { bytesOfPoint, meshPlanes } from "../view/wire.js";

/** @typedef {import("./source.js").Source} ServerSource */
/** @typedef {import("../view/wire.js").Manifest} Manifest */

/** @param {Manifest} manifest */
export function superpointCount(manifest) {
  let most = -1;
  for (const tile of manifest.tiles) for (const superpoint of tile.superpoints) if (superpoint > most) most = superpoint;
  return most + 1;
}

/**
 * @param {ServerSource} source
 * @param {import("../view/stage.js").Stage} stage
 * @param {Manifest} manifest
 * @param {(geometry: Geometry) => void} begun before anything is drawn
 * @returns {Promise<string>} what could not be shown, "" where all is
 */
export async function load(source, stage, manifest, begun) {
  const geometry = new Geometry(manifest, superpointCount(manifest));
  const size = bytesOfPoint(manifest.planes);
  const chunks = manifest.chunks.filter((chunk) => chunk.level < geometry.levels.length);
  const bytes = wantedPoints(geometry.counts.slice(0, geometry.levels.length)) * size;
  begun(geometry);
  stage.put(geometry);
  const last = new Map(manifest.chunks.map((chunk) => [chunk.level, chunk]));
  await stream(await source.points(manifest, bytes), bytes, chunks, size, (whole, chunk) => {
    geometry.addChunk(whole, chunk);
    if (last.get(chunk.level) !== chunk) return;
    stage.governor.available = chunk.level + 1;
    stage.draw();
  });
  if (manifest.mesh && manifest.points <= MOST_POINTS) {
    geometry.addMesh(meshPlanes(await source.mesh(manifest)));
    stage.governor.available = geometry.levels.length + 1;
  }
  stage.draw();
  return manifest.points > MOST_POINTS ? `This scene has ${manifest.points.toLocaleString("en")} points; its coarser levels are shown.` : "";
}
