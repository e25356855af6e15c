/** What is drawn of a scene: points by level and tile, or its mesh, with the table of colours they share. */

import {
  BufferAttribute, BufferGeometry, DataTexture, Group, Mesh, NearestFilter, Points, RGBAFormat, UnsignedByteType, Vector3, Vector4,
} from "three";
import { layOut, rectangle, write } from "./lookup.js";
import * as materials from "./materials.js";
import { chunkPlanes, pointsUpTo } from "./wire.js";

/** @typedef {import("./wire.js").Manifest} Manifest */
/** @typedef {import("three").Points | import("three").Mesh} Drawn */

const FAR = 1e9;

export class Geometry {
  /**
   * @param {Manifest} manifest
   * @param {number} superpoints how many the scene has
   */
  constructor(manifest, superpoints) {
    this.manifest = manifest;
    this.superpoints = superpoints;
    const { superpointOf, bases } = layOut(superpoints, manifest.tiles);
    this.superpointOf = superpointOf;
    this.bases = bases;
    const { width, height } = rectangle(superpointOf.length);
    this.bytes = new Uint8Array(width * height * 4);
    this.texels = new Uint32Array(this.bytes.buffer);
    this.table = new DataTexture(this.bytes, width, height, RGBAFormat, UnsignedByteType);
    this.table.magFilter = this.table.minFilter = NearestFilter;
    /** @type {Record<string, {value: any}>} */
    this.shared = {
      table: { value: this.table },
      grey: { value: 1 },
      pixels: { value: 500 },
      stretch: { value: 1 },
      section: { value: new Vector4(0, 0, 0, FAR) },
    };
    this.group = new Group();
    /** @type {import("three").Group[]} of a scene with a mesh the finest points are never drawn */
    this.levels = manifest.strides.slice(0, manifest.mesh ? Math.max(manifest.strides.length - 1, 1) : undefined).map(() => new Group());
    this.group.add(...this.levels);
    /** @type {import("three").Mesh | null} */
    this.solid = null;
    this.counts = pointsUpTo(manifest).slice(0, this.levels.length);
    if (manifest.mesh) this.counts.push(manifest.points);
  }

  /** @param {Uint32Array} colours a word of RGBA for every superpoint */
  recolour(colours) {
    write(this.superpointOf, colours, this.texels);
    this.table.needsUpdate = true;
  }

  /**
   * @param {ArrayBuffer} bytes of the whole file; those of the chunk have arrived
   * @param {import("./wire.js").ChunkPlace} chunk
   */
  addChunk(bytes, chunk) {
    if (chunk.count < 1) return;
    const tile = this.manifest.tiles[chunk.tile];
    const geometry = attributes(chunkPlanes(bytes, chunk, this.manifest.planes));
    const uniforms = this.uniforms(tile.low, tile.size, this.bases[chunk.tile]);
    const drawn = new Points(geometry, materials.points(uniforms));
    this.levels[chunk.level].add(ready(drawn, materials.pointPlaces(uniforms)));
  }

  /** @param {import("./wire.js").Mesh} mesh */
  addMesh(mesh) {
    const geometry = attributes(mesh);
    geometry.setIndex(new BufferAttribute(mesh.faces, 1));
    const uniforms = this.uniforms(mesh.low, mesh.size, 0);
    this.solid = /** @type {import("three").Mesh} */ (
      ready(new Mesh(geometry, materials.faces(uniforms)), materials.facePlaces(uniforms))
    );
    this.group.add(this.solid);
  }

  /**
   * Draw so many levels and no more; the last one, where there is a mesh, is the mesh instead.
   * @param {number} levels
   */
  show(levels) {
    const solid = this.solid !== null && levels > this.levels.length;
    this.levels.forEach((group, level) => (group.visible = !solid && level < levels));
    if (this.solid) this.solid.visible = solid;
    const stride = this.manifest.strides[Math.min(levels, this.levels.length) - 1] ?? 1;
    this.shared.stretch.value = Math.min(Math.sqrt(stride), 6);
  }

  /**
   * Colours, or where and what things are.
   * @param {boolean} places
   */
  draws(places) {
    this.group.traverse((object) => {
      if (object.userData.materials) /** @type {any} */ (object).material = object.userData.materials[places ? 1 : 0];
    });
  }

  /** The box of all points: its least and greatest corners. */
  box() {
    const low = new Vector3(Infinity, Infinity, Infinity), high = new Vector3(-Infinity, -Infinity, -Infinity);
    for (const tile of this.manifest.tiles) {
      low.min(new Vector3(...tile.low));
      high.max(new Vector3(...tile.low.map((value, axis) => value + tile.size[axis])));
    }
    return this.manifest.tiles.length ? { low, high } : { low: new Vector3(), high: new Vector3() };
  }

  /**
   * @param {number[]} low
   * @param {number[]} size
   * @param {number} base
   */
  uniforms(low, size, base) {
    return {
      ...this.shared,
      low: { value: new Vector3(...low) }, size: { value: new Vector3(...size) }, base: { value: base },
    };
  }
}

/** @param {import("./wire.js").Planes} planes */
function attributes(planes) {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(planes.place, 4));
  geometry.setAttribute("paint", new BufferAttribute(planes.paint, 4, true));
  return geometry;
}

/**
 * @param {Drawn} drawn
 * @param {import("three").Material} places
 */
function ready(drawn, places) {
  drawn.frustumCulled = false; // its true place is known to the shader only
  drawn.matrixAutoUpdate = false;
  drawn.userData.materials = [drawn.material, places];
  return drawn;
}
