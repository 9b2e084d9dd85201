// Where each drone is drawn between two frames of the feed, and the trail behind it. Pure arrays: a frame makes no objects.

import { mercatorX, mercatorY } from "./mercator.ts";

export const TRAIL_POINTS = 48;
const TRAIL_STEP = 1.5e-7; // of the world's width, about 4 m in London: a drone that hovers adds nothing to its trail
const TRAIL_JUMP = 1.2e-5; // about 300 m between two points: it was not heard meanwhile, or found elsewhere; no line says how it came
const SLOWEST_MS = 400; // a gap longer than two frames is a jump, not a slow glide
const USUAL_MS = 200;

/** A drone as the map moves it. Angles in degrees, places in Mercator. */
export interface Placed {
  readonly lat: number | null;
  readonly lon: number | null;
  readonly heading_deg: number;
}

/** The way from `a` to `b`, the short way round. */
export function turn(a: number, b: number): number {
  return ((((b - a) % 360) + 540) % 360) - 180;
}

export class Motion {
  size = 0;
  x = new Float64Array(0);
  y = new Float64Array(0);
  heading = new Float32Array(0);
  private fromX = new Float64Array(0);
  private fromY = new Float64Array(0);
  private toX = new Float64Array(0);
  private toY = new Float64Array(0);
  private fromHeading = new Float32Array(0);
  private toHeading = new Float32Array(0);
  private trails: Float64Array = new Float64Array(0); // a ring of TRAIL_POINTS × (x, y) for each drone
  private lengths = new Uint16Array(0);
  private heads = new Uint16Array(0);
  private since = 0;
  private lasts = USUAL_MS;

  /**
   * Take where drones are now. From here on they glide from where they are drawn to where they are.
   *
   * @param flying which of them leave a trail; the trail of one that does not is dropped.
   * @param jump true after a snapshot: nothing glides.
   */
  take(drones: readonly Placed[], flying: (place: number) => boolean, at: number, jump: boolean): void {
    if (drones.length !== this.size) this.resize(drones.length);
    this.advance(at);
    this.lasts = Math.min(SLOWEST_MS, Math.max(USUAL_MS / 2, at - this.since));
    this.since = at;
    for (let i = 0; i < drones.length; i++) {
      const drone = drones[i] as Placed;
      if (drone.lat === null || drone.lon === null) {
        this.x[i] = this.y[i] = this.toX[i] = this.toY[i] = Number.NaN;
        continue;
      }
      const x = mercatorX(drone.lon);
      const y = mercatorY(drone.lat);
      const glides = !jump && Number.isFinite(this.x[i]);
      this.fromX[i] = glides ? (this.x[i] as number) : x;
      this.fromY[i] = glides ? (this.y[i] as number) : y;
      this.fromHeading[i] = glides ? (this.heading[i] as number) : drone.heading_deg;
      this.toX[i] = x;
      this.toY[i] = y;
      this.toHeading[i] = drone.heading_deg;
      if (flying(i)) this.leave(i, x, y);
      else this.lengths[i] = 0;
    }
    this.advance(at);
  }

  /** Move everything to the time `at` (milliseconds, as `take`'s). Returns whether anything still glides after it. */
  advance(at: number): boolean {
    const part = Math.min(1, Math.max(0, (at - this.since) / this.lasts));
    for (let i = 0; i < this.size; i++) {
      this.x[i] = (this.fromX[i] as number) + ((this.toX[i] as number) - (this.fromX[i] as number)) * part;
      this.y[i] = (this.fromY[i] as number) + ((this.toY[i] as number) - (this.fromY[i] as number)) * part;
      const from = this.fromHeading[i] as number;
      this.heading[i] = from + turn(from, this.toHeading[i] as number) * part;
    }
    return part < 1;
  }

  /** Call `visit` with each point of a drone's trail, oldest first. */
  trail(i: number, visit: (x: number, y: number, place: number, length: number) => void): void {
    const length = this.lengths[i] ?? 0;
    const first = ((this.heads[i] ?? 0) - length + TRAIL_POINTS) % TRAIL_POINTS;
    for (let n = 0; n < length; n++) {
      const at = (i * TRAIL_POINTS + ((first + n) % TRAIL_POINTS)) * 2;
      visit(this.trails[at] as number, this.trails[at + 1] as number, n, length);
    }
  }

  trailLength(i: number): number {
    return this.lengths[i] ?? 0;
  }

  private leave(i: number, x: number, y: number): void {
    const length = this.lengths[i] as number;
    const head = this.heads[i] as number;
    if (length > 0) {
      const last = (i * TRAIL_POINTS + ((head - 1 + TRAIL_POINTS) % TRAIL_POINTS)) * 2;
      const step = Math.hypot(x - (this.trails[last] as number), y - (this.trails[last + 1] as number));
      if (step < TRAIL_STEP) return;
      if (step > TRAIL_JUMP) this.lengths[i] = 0;
    }
    const at = (i * TRAIL_POINTS + head) * 2;
    this.trails[at] = x;
    this.trails[at + 1] = y;
    this.heads[i] = (head + 1) % TRAIL_POINTS;
    this.lengths[i] = Math.min(TRAIL_POINTS, (this.lengths[i] as number) + 1);
  }

  /** Drones are only ever added at the end; those known keep where they are. */
  private resize(size: number): void {
    const grown = <A extends Float64Array | Float32Array | Uint16Array>(old: A, length: number): A => {
      const fresh = new (old.constructor as new (length: number) => A)(length);
      fresh.set(old.subarray(0, length) as never);
      return fresh;
    };
    for (const name of ["x", "y", "fromX", "fromY", "toX", "toY"] as const) {
      const before = this.size;
      this[name] = grown(this[name], size);
      this[name].fill(Number.NaN, Math.min(before, size));
    }
    for (const name of ["heading", "fromHeading", "toHeading"] as const) this[name] = grown(this[name], size);
    this.lengths = grown(this.lengths, size);
    this.heads = grown(this.heads, size);
    this.trails = grown(this.trails, size * TRAIL_POINTS * 2);
    this.size = size;
  }
}
