// The picture of the page: small ones drawn as they come, the full one over them when the link carries it, and how old what is shown is.

import { placeOf, socketOf } from "./api.ts";
import { Channel } from "./channel.ts";
import { type Full, playFull } from "./full.ts";
import { carriedKbps, type Mode, type Rung, START, step } from "./rate.ts";
import type { State, Still } from "./wire.ts";

const TICK_MS = 500;

export interface Shown {
  readonly mode: Mode;
  /** Whether the socket is there; when not, what is seen is what was last had. */
  readonly linked: boolean;
  readonly carriedKbps: number | null;
}

export interface Watcher {
  onState(state: State): void;
  onShown(shown: Shown): void;
  onOver(): void;
}

export class Eye {
  private readonly channel: Channel;
  private readonly canvas: HTMLCanvasElement;
  private readonly video: HTMLVideoElement;
  private readonly watcher: Watcher;
  private readonly link: string;
  private readonly timer: number;
  private rung: Rung = START;
  private state: State | null = null;
  private stateAt = performance.now();
  private full: Full | null = null;
  private attempt = 0;
  private failed = false;
  private only = false;
  private lost = 0;
  private frames: number[] = [];
  private frameAgeMs = 0;
  private takenMs: number | null = null;
  private shown: Shown = { mode: "small", linked: false, carriedKbps: null };
  private readonly seen = (): void => (document.hidden ? this.rest() : this.wake());

  constructor(canvas: HTMLCanvasElement, video: HTMLVideoElement, link: string, watcher: Watcher) {
    this.canvas = canvas;
    this.video = video;
    this.link = link;
    this.watcher = watcher;
    this.channel = new Channel(socketOf(link), {
      onState: (state) => {
        this.state = state;
        this.stateAt = performance.now();
        watcher.onState(state);
      },
      onStill: (still) => void this.draw(still),
      onOver: () => watcher.onOver(),
    });
    this.timer = window.setInterval(() => void this.tick(), TICK_MS);
    document.addEventListener("visibilitychange", this.seen);
  }

  /** The officer wants small pictures only, to spare the link or the battery. */
  set smallOnly(on: boolean) {
    this.only = on;
  }

  now(): number {
    return this.channel.now();
  }

  /** How long ago the state came, milliseconds. */
  sinceState(): number {
    return performance.now() - this.stateAt;
  }

  /** How old what is shown is; null before the first picture. */
  ageMs(): number | null {
    if (this.rung.mode === "full") {
      const last = this.frames.at(-1);
      return last === undefined ? null : performance.now() - last + this.frameAgeMs;
    }
    return this.takenMs === null ? null : Math.max(0, this.now() - this.takenMs);
  }

  close(): void {
    window.clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
    this.endFull();
    this.channel.close();
  }

  private async draw(still: Still): Promise<void> {
    let bitmap: ImageBitmap;
    try {
      bitmap = await createImageBitmap(new Blob([still.jpeg], { type: "image/jpeg" }));
    } catch {
      return; // half a picture is none; the next is on its way
    }
    if (this.takenMs === null || still.takenMs > this.takenMs || this.takenMs > this.now()) {
      this.canvas.width = bitmap.width;
      this.canvas.height = bitmap.height;
      this.canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      this.takenMs = still.takenMs;
    }
    bitmap.close();
  }

  private async tick(): Promise<void> {
    const nowMs = Date.now();
    if (this.full !== null) this.lost = await this.full.lost();
    const since = performance.now() - 1_000;
    this.frames = this.frames.filter((at, n) => at >= since || n === this.frames.length - 1);
    const last = this.frames.at(-1);
    const carried = carriedKbps(this.channel.came, this.channel.clock, nowMs);
    const before = this.rung.mode;
    this.rung = step(this.rung, {
      nowMs, carriedKbps: carried, needKbps: this.state?.picture.kbps ?? 0, shown: this.state?.picture.shown ?? false,
      only: this.only || document.hidden, waitMs: this.channel.waitMs(), restMs: this.channel.clock?.rttMs ?? 0, failed: this.failed,
      frames: this.frames.filter((at) => at >= since).length,
      sinceFrameMs: last === undefined ? Number.POSITIVE_INFINITY : performance.now() - last, lost: this.lost,
    });
    if (this.rung.mode !== before) this.turn();
    this.tell({ mode: this.rung.mode, linked: this.channel.open, carriedKbps: carried });
  }

  private turn(): void {
    if (this.rung.mode === "trying") this.beginFull();
    if (this.rung.mode === "small") this.endFull();
    // Small ones go on until the full one has shown that it comes, and are asked for again the moment it does not.
    this.channel.stills = this.rung.mode !== "full" && !document.hidden;
  }

  private beginFull(): void {
    const attempt = ++this.attempt;
    this.failed = false;
    this.frames = [];
    this.lost = 0;
    const fail = (): void => {
      if (attempt === this.attempt) this.failed = true;
    };
    playFull(this.video, placeOf(this.link), this.state?.picture.webrtc ?? false, fail).then(
      (full) => {
        if (attempt !== this.attempt) return full.stop();
        this.full = full;
        this.count(attempt);
      },
      fail,
    );
  }

  private endFull(): void {
    this.attempt += 1;
    this.full?.stop();
    this.full = null;
    this.failed = false;
    this.lost = 0;
  }

  /** Notes each frame that is put on the screen, and how long it was on its way as far as the browser knows. */
  private count(attempt: number): void {
    this.video.requestVideoFrameCallback((now, about) => {
      if (attempt !== this.attempt) return;
      this.frames.push(now);
      const way = about.captureTime !== undefined ? now - about.captureTime : about.receiveTime !== undefined ? now - about.receiveTime : 0;
      const behind = this.video.buffered.length === 0 ? 0 : (this.video.buffered.end(this.video.buffered.length - 1) - this.video.currentTime) * 1_000;
      // Without a moment of its own a frame is at least half a round trip old, and what waits in the buffer.
      const known = about.captureTime !== undefined && way > 0 && way < 60_000;
      this.frameAgeMs = known ? way : (this.channel.clock?.rttMs ?? 0) / 2 + Math.max(0, about.receiveTime !== undefined ? way : behind);
      this.count(attempt);
    });
  }

  private rest(): void {
    this.endFull();
    this.rung = { ...this.rung, mode: "small", sinceMs: Date.now() };
    this.channel.stills = false;
  }

  private wake(): void {
    this.channel.stills = true;
  }

  private tell(shown: Shown): void {
    const same = shown.mode === this.shown.mode && shown.linked === this.shown.linked && shown.carriedKbps === this.shown.carriedKbps;
    this.shown = shown;
    if (!same) this.watcher.onShown(shown);
  }
}
