/** How many levels are drawn: as many as the last frames say can be drawn in time, fewer while the camera moves. */

export const MOVING_MS = 33;
export const STILL_MS = 250;
const TRIED_MS = 170;
const FRAMES = 5;

export class Governor {
  /** @param {number[]} counts points up to and with each level, ascending; a mesh counts as one more level */
  constructor(counts) {
    this.counts = counts;
    this.available = 0; // levels that have arrived
    this.seen = counts.map(() => 0);
    /** @type {number[]} milliseconds of a frame of so many levels, NaN where none was drawn */
    this.cost = counts.map(() => NaN);
  }

  /**
   * Learn from a frame. A level's first frame compiles shaders and uploads points: it is not counted.
   * @param {number} ms
   * @param {number} levels
   */
  learn(ms, levels) {
    const at = levels - 1;
    if (this.seen[at]++ === 0) return;
    const before = this.cost[at];
    this.cost[at] = before <= ms ? before * 0.8 + ms * 0.2 : ms; // what else the machine does makes frames slower, never quicker
  }

  /** Forget a little of what was too slow: other work of the machine may have been the reason. */
  hope() {
    this.cost = this.cost.map((ms) => ms * 0.75);
  }

  /**
   * Whether to look again: the cost of so many levels, or of one more that was found too slow, rests on few frames.
   * @param {number} levels
   */
  doubts(levels) {
    return !this.knows(levels) || (levels < this.available && this.seen[levels - 1] < FRAMES);
  }

  /**
   * Whether the cost of so many levels is known.
   * @param {number} levels
   */
  knows(levels) {
    return levels < 1 || !Number.isNaN(this.cost[levels - 1]);
  }

  /**
   * Milliseconds that a frame is expected to take; points cost alike.
   * @param {number} levels
   */
  expected(levels) {
    if (this.knows(levels)) return this.cost[levels - 1];
    for (let known = levels - 1; known > 0; known--)
      if (this.knows(known)) return (this.cost[known - 1] * this.counts[levels - 1]) / Math.max(this.counts[known - 1], 1);
    return levels > 1 ? Infinity : 0;
  }

  /**
   * Whether so many levels are drawn in time. While nothing moves, one more level is tried where there is time left:
   * what a frame costs besides its points makes the guess too high.
   * @param {number} levels
   * @param {boolean} moving
   */
  inTime(levels, moving) {
    if (moving) return this.expected(levels) <= MOVING_MS;
    return this.knows(levels) ? this.cost[levels - 1] <= STILL_MS : this.cost[levels - 2] <= TRIED_MS;
  }

  /**
   * How many of the levels that have arrived to draw; at least one.
   * @param {boolean} moving
   */
  levels(moving) {
    let levels = Math.min(1, this.available);
    while (levels < this.available && this.inTime(levels + 1, moving)) levels++;
    return levels;
  }
}
