// A recording's pictures in time: which one is shown when, and which stretch of octets holds it. Pure.

import type { Clip } from "../api/footage.ts";

export const US = 1_000_000;
/** About what is asked for at once. */
const STRETCH_US = 3 * US;
/** How far inside a picture a seek aims, so that no rounding shows the one before it. */
const INSIDE_US = 4_000;

/** Pictures that are had together: from a keyframe up to another one. */
export interface Stretch {
  readonly clip: number;
  readonly start: number;
  readonly stop: number;
  readonly from_us: number;
  readonly until_us: number;
}

/** The last of a rising row that is not above `wanted`; 0 when all are. */
export function lastNotAbove(row: readonly number[], wanted: number): number {
  let [low, high] = [0, row.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((row[middle] ?? 0) <= wanted) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

export class Film {
  /** Of all pictures, in order. */
  readonly at_us: readonly number[];
  readonly stretches: readonly Stretch[];
  readonly lasts_us: number;
  private readonly captured_us: readonly number[];

  constructor(clips: readonly Clip[], lasts_us: number) {
    this.at_us = clips.flatMap((clip) => clip.at_us);
    this.captured_us = clips.flatMap((clip) => clip.captured_us);
    this.lasts_us = lasts_us;
    this.stretches = clips.flatMap((clip, number) => stretchesOf(clip, number, clips[number + 1]?.at_us[0] ?? lasts_us));
  }

  pictureAt(us: number): number {
    return lastNotAbove(this.at_us, us);
  }

  /** Where to seek for a picture to be shown. */
  insideOf(picture: number): number {
    const at = this.at_us[Math.min(Math.max(0, picture), this.at_us.length - 1)] ?? 0;
    const next = this.at_us[picture + 1] ?? at + 2 * INSIDE_US;
    return at + Math.min(INSIDE_US, (next - at) / 2);
  }

  /** The camera's own clock at a time; null where it told none. */
  clockAt(us: number): number | null {
    const picture = this.pictureAt(us);
    const captured = this.captured_us[picture] ?? 0;
    if (captured === 0) return null;
    return (captured + Math.min(us - (this.at_us[picture] ?? us), US)) / 1000;
  }

  stretchAt(us: number): number {
    return lastNotAbove(this.stretches.map((one) => one.from_us), us);
  }
}

function stretchesOf(clip: Clip, number: number, end_us: number): Stretch[] {
  const found: Stretch[] = [];
  let first = 0;
  for (let n = 1; n <= clip.keyframes.length; n++) {
    const [from, at] = [clip.keyframes[first], clip.keyframes[n]];
    if (from === undefined) break;
    const from_us = clip.at_us[from[0]] ?? 0;
    const until_us = at === undefined ? end_us : (clip.at_us[at[0]] ?? 0);
    if (at !== undefined && until_us - from_us < STRETCH_US) continue;
    found.push({ clip: number, start: from[1], stop: at?.[1] ?? clip.octets, from_us, until_us });
    first = n;
  }
  return found;
}
