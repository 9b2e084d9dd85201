// Which picture the link carries: small ones first, the full one when there is reason to think that it goes through, and back at once
// when it does not. Pure: measures and time in, decision out.

/** How the clocks of phone and program lie to each other, by the quickest answer of late. */
export interface Clock {
  readonly offsetMs: number; // program's clock minus the phone's
  readonly rttMs: number;
  readonly atMs: number;
  readonly answers: number;
}

/** So many before anything is said by them: the first waits behind the first picture. */
export const ENOUGH_ANSWERS = 4;
const FORGET_CLOCK_MS = 60_000;

/** Takes in an answer to a ping. The quickest of a minute tells the clocks best; what it cannot tell is at most half its way. */
export function heard(clock: Clock | null, sentMs: number, nowMs: number, theirsMs: number): Clock {
  const rttMs = Math.max(0, nowMs - sentMs);
  const answers = (clock?.answers ?? 0) + 1;
  if (clock !== null && rttMs > clock.rttMs && nowMs - clock.atMs < FORGET_CLOCK_MS) return { ...clock, answers };
  return { offsetMs: theirsMs - (sentMs + nowMs) / 2, rttMs, atMs: nowMs, answers };
}

/** One small picture as it came, by the phone's clock, when it was sent by the program's, and how large it was. */
export interface Came {
  readonly atMs: number;
  readonly sentMs: number;
  readonly bytes: number;
}

const KEPT_MS = 8_000;
const ENOUGH = 5;
/** Shorter than this is told by nothing: a phone that is busy, a mast that serves its phones in turn. */
const LEAST_MS = 60;

/**
 * Kilobits a second that the link carried of late; infinite when a small picture is through before that can be measured, null while
 * too few came.
 *
 * What a picture took longer than a ping, which weighs nothing, it took for its size. The middle one is taken: links deliver in
 * bursts, and one that came with the last says nothing.
 */
export function carriedKbps(came: readonly Came[], clock: Clock | null, nowMs: number): number | null {
  const late = came.filter((one) => nowMs - one.atMs <= KEPT_MS);
  if (clock === null || clock.answers < ENOUGH_ANSWERS || late.length < ENOUGH) return null;
  const took = late.map((one) => ({ ms: one.atMs + clock.offsetMs - one.sentMs - clock.rttMs / 2, bits: one.bytes * 8 }));
  took.sort((a, b) => a.ms - b.ms);
  const middle = took[Math.floor(took.length / 2)];
  // Nothing comes quicker than a ping: where it seems to, no ping was quick yet, and nothing can be told.
  if (middle === undefined || (took[0]?.ms ?? 0) < -LEAST_MS) return null;
  return middle.ms < LEAST_MS ? Number.POSITIVE_INFINITY : middle.bits / middle.ms;
}

export function kept(came: readonly Came[], nowMs: number): readonly Came[] {
  return came.filter((one) => nowMs - one.atMs <= KEPT_MS);
}

export type Mode = "small" | "trying" | "full";

/** `tries` counts those that failed in a row; the next is not before `nextMs`. */
export interface Rung {
  readonly mode: Mode;
  readonly sinceMs: number;
  readonly tries: number;
  readonly nextMs: number;
}

/** What is known at a tick. Of the full picture: frames in the last second, how long since the last, share lost, and how old it is. */
export interface Measures {
  readonly nowMs: number;
  readonly carriedKbps: number | null;
  readonly needKbps: number;
  readonly shown: boolean; // there is a picture at all
  readonly only: boolean; // the officer wants small ones only
  readonly waitMs: number; // how long the last ping has been on its way, or was
  readonly restMs: number; // the shortest of late
  readonly failed: boolean; // the way of the full picture broke
  readonly frames: number;
  readonly sinceFrameMs: number;
  readonly lost: number;
}

const FIRST_WAIT_MS = 8_000;
const MOST_WAIT_MS = 120_000;
/** Full for so long, it was right, and the next failure counts as the first. */
const WELL_MS = 30_000;
const TRY_MS = 10_000;
/** Room above what the picture needs: it is not even. */
const ROOM = 1.3;
const DARK_MS = 1_500;
const MOST_LOST = 0.08;
/** A way that takes so much longer than it can is filled up: by the full picture, most likely. */
const FILLED_MS = 900;
const SMOOTH_FRAMES = 8;

export const START: Rung = { mode: "small", sinceMs: 0, tries: 0, nextMs: 0 };

export function step(rung: Rung, m: Measures): Rung {
  if (rung.mode === "small") return rises(rung, m) ? { ...rung, mode: "trying", sinceMs: m.nowMs } : rung;
  if (m.only || !m.shown) return { mode: "small", sinceMs: m.nowMs, tries: rung.tries, nextMs: m.nowMs };
  const filled = m.waitMs - m.restMs > FILLED_MS;
  if (rung.mode === "trying") {
    if (m.failed || filled || m.nowMs - rung.sinceMs > TRY_MS) return falls(rung, m);
    return m.frames >= SMOOTH_FRAMES && m.lost < MOST_LOST ? { ...rung, mode: "full", sinceMs: m.nowMs } : rung;
  }
  if (m.failed || filled || m.sinceFrameMs > DARK_MS || m.lost > MOST_LOST) return falls(rung, m);
  return rung;
}

function rises(rung: Rung, m: Measures): boolean {
  if (m.only || !m.shown || m.nowMs < rung.nextMs || m.carriedKbps === null || m.needKbps <= 0) return false;
  return m.carriedKbps >= ROOM * m.needKbps;
}

function falls(rung: Rung, m: Measures): Rung {
  const tries = rung.mode === "full" && m.nowMs - rung.sinceMs >= WELL_MS ? 1 : rung.tries + 1;
  return { mode: "small", sinceMs: m.nowMs, tries, nextMs: m.nowMs + Math.min(MOST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1)) };
}

/** How old a picture is, in words that claim no more than is known. */
export function ageText(ageMs: number | null): string {
  if (ageMs === null) return "";
  const s = Math.max(0, ageMs) / 1000;
  if (s < 1.95) return `${Math.max(0.1, s).toFixed(1)} s old`;
  if (s < 90) return `${Math.round(s)} s old`;
  return `${Math.floor(s / 60)} min old`;
}

export type Freshness = "live" | "late" | "stale";

/** What somebody on foot may take for now: two seconds are three metres of a walk. */
export function freshness(ageMs: number): Freshness {
  return ageMs < 2_000 ? "live" : ageMs < 8_000 ? "late" : "stale";
}
