/** The points file as it streams in: every chunk is handed on when its last byte is there. */

/** @typedef {import("./wire.js").ChunkPlace} ChunkPlace */

export const MOST_POINTS = 5_000_000; // beyond, the coarse levels that fit are taken and no more

/**
 * How many points of the file to ask for: whole levels, at most MOST_POINTS.
 * @param {number[]} counts points up to and with each level
 */
export const wantedPoints = (counts) => counts.filter((count) => count <= MOST_POINTS).pop() ?? counts[0];

/**
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 * @param {number} size bytes that are to come
 * @param {ChunkPlace[]} chunks in the order of the file
 * @param {number} bytesOfPoint
 * @param {(bytes: ArrayBuffer, chunk: ChunkPlace) => void} arrived
 */
export async function stream(reader, size, chunks, bytesOfPoint, arrived) {
  const bytes = new Uint8Array(size);
  let filled = 0, next = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const taken = value.subarray(0, size - filled);
    bytes.set(taken, filled);
    filled += taken.length;
    while (next < chunks.length && chunks[next].offset + chunks[next].count * bytesOfPoint <= filled)
      arrived(bytes.buffer, chunks[next++]);
    if (filled === size) break;
  }
  await reader.cancel();
  if (filled < size) throw new Error("The points came incomplete; reload the page.");
}
