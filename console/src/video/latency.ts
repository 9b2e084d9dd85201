// How old the picture on the screen is: when each picture was shown here, joined with when it was taken, as the server tells it. Pure.

/** A picture as the server tells it: its stamp, received, taken (0: nobody tells), microseconds of Unix time; and who says so. */
export type Told = readonly [stamp: number, received_us: number, captured_us: number, captured_by: string];

export type Age =
  | { readonly kind: "none" } // no picture yet
  | { readonly kind: "stalled"; readonly for_ms: number }
  | { readonly kind: "unknown"; readonly at_least_ms: number | null }
  | { readonly kind: "known"; readonly ms: number; readonly within_ms: number; readonly by: string };

export type Level = "ok" | "late" | "old" | "unknown";

/** A stream of 25 pictures a second that shows none for so long is stalled; as the server has it (video.rules.STALL_S). */
export const STALLED_MS = 2_000;
/** A pilot's hand notices some 250 ms; beyond this people are told, beyond that they must not steer by it. */
export const LATE_MS = 400;
export const OLD_MS = 1_000;
const WINDOW_MS = 4_000;
const MOST_SHOWN = 300;

interface Shown {
  readonly stamp: number;
  readonly at: number; // performance.now()'s clock
}

/** The pictures of one viewer. Times are of `performance.now()`, milliseconds. */
export class Pictures {
  private shown: Shown[] = [];
  private ages: { at: number; ms: number; by: string }[] = [];
  private rests: { at: number; ms: number }[] = [];
  private lastAt: number | null = null;
  private within = 0;
  private readonly slack: number;

  /** `slack`: how far two stamps of one picture may lie apart. */
  constructor(slack: number) {
    this.slack = slack;
  }

  /** A picture was shown; `stamp` is null where the browser does not tell it. */
  note(stamp: number | null, at: number): void {
    this.lastAt = at;
    if (stamp === null) return;
    this.shown.push({ stamp, at });
    if (this.shown.length > MOST_SHOWN) this.shown.splice(0, this.shown.length - MOST_SHOWN);
  }

  /** What the server tells; `offset_ms` added to this clock gives the server's. */
  take(told: readonly Told[], offset_ms: number, within_ms: number, now: number): void {
    this.within = within_ms;
    this.ages = this.ages.filter((one) => now - one.at < WINDOW_MS);
    this.rests = this.rests.filter((one) => now - one.at < WINDOW_MS);
    for (const [stamp, received_us, captured_us, by] of told) {
      const found = this.shown.findIndex((one) => Math.abs(one.stamp - stamp) <= this.slack);
      if (found < 0) continue;
      const [{ at }] = this.shown.splice(found, 1) as [Shown]; // each picture is counted once
      if (captured_us > 0) this.ages.push({ at, ms: at + offset_ms - captured_us / 1000, by });
      else this.rests.push({ at, ms: at + offset_ms - received_us / 1000 });
    }
  }

  /** Pictures of another source come: what was known is not about them. */
  forget(): void {
    this.shown = [];
    this.ages = [];
    this.rests = [];
  }

  age(now: number): Age {
    if (this.lastAt === null) return { kind: "none" };
    if (now - this.lastAt >= STALLED_MS) return { kind: "stalled", for_ms: now - this.lastAt };
    const ages = this.ages.filter((one) => now - one.at < WINDOW_MS);
    const last = ages.at(-1);
    // Without word of the latest pictures nothing is said of them.
    if (last !== undefined) return { kind: "known", ms: Math.max(0, median(ages.map((one) => one.ms))), within_ms: this.within, by: last.by };
    const rests = this.rests.filter((one) => now - one.at < WINDOW_MS);
    return { kind: "unknown", at_least_ms: rests.length === 0 ? null : Math.max(0, median(rests.map((one) => one.ms))) };
  }

  /** Nothing is shown while nobody looks at the page: that is no stall. */
  wake(now: number): void {
    if (this.lastAt !== null) this.lastAt = now;
  }
}

export function level(age: Age): Level {
  if (age.kind === "stalled") return "old";
  if (age.kind === "known") return age.ms >= OLD_MS ? "old" : age.ms >= LATE_MS ? "late" : "ok";
  if (age.kind === "unknown" && age.at_least_ms !== null) return age.at_least_ms >= OLD_MS ? "old" : age.at_least_ms >= LATE_MS ? "late" : "unknown";
  return "unknown";
}

/** `85 ms old`, `1.4 s old`, `stalled for 4 s`, `age unknown, over 40 ms`. */
export function ageText(age: Age): string {
  switch (age.kind) {
    case "none":
      return "";
    case "stalled":
      return `stalled for ${Math.floor(age.for_ms / 1000)} s`;
    case "known":
      return `${length(age.ms)} old`;
    case "unknown":
      return age.at_least_ms === null ? "age unknown" : `age unknown, over ${length(age.at_least_ms)}`;
  }
}

/** The same, with where it is known from. */
export function ageReason(age: Age): string {
  switch (age.kind) {
    case "none":
      return "No picture has been shown yet.";
    case "stalled":
      return "No new picture has come.";
    case "known":
      return `From capture to this screen, to ${Math.max(1, Math.round(age.within_ms))} ms. When it was taken is told by ${
        age.by === "metadata" ? "the camera's metadata (MISB ST 0601)" : "the sender's reports (RTCP)"
      }, by its own clock.`;
    case "unknown":
      return age.at_least_ms === null ? "Neither the camera nor this browser tells when pictures were taken." : "The camera does not tell when pictures are taken, or its clock is wrong. From the server to this screen it takes what is shown.";
  }
}

function length(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Between this clock and the server's, by round trips: the quickest of the last ones says it best, to half its length. */
export class RoundTrips {
  private kept: { offset_ms: number; within_ms: number }[] = [];
  private static readonly MOST = 15;

  /** Asked at `sent`, answered at `came` (this clock), with what the server's clock said, milliseconds. */
  take(sent: number, came: number, server: number): void {
    this.kept.push({ offset_ms: server - (sent + came) / 2, within_ms: (came - sent) / 2 });
    if (this.kept.length > RoundTrips.MOST) this.kept.shift();
  }

  get best(): { readonly offset_ms: number; readonly within_ms: number } | null {
    return this.kept.reduce<{ offset_ms: number; within_ms: number } | null>((best, one) => (best === null || one.within_ms < best.within_ms ? one : best), null);
  }
}
