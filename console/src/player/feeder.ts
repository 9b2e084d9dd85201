// Feeds a video element with the stretches of a recording that are looked at, and forgets those that are not: hours take no more
// memory than minutes.

import { type Footage, octets } from "../api/footage.ts";
import { type Film, US } from "./film.ts";

const AHEAD_US = 20 * US;
const KEPT_US = 60 * US;
const TICK_MS = 150;

export class Feeder {
  private readonly media = new MediaSource();
  private readonly url = URL.createObjectURL(this.media);
  private readonly had = new Set<number>();
  private buffer: SourceBuffer | null = null;
  private clip = -1;
  private busy = false;
  private stopped = false;
  private asking = new AbortController();
  private asked = -1;
  private readonly timer: number;
  private readonly video: HTMLVideoElement;
  private readonly footage: Footage;
  private readonly film: Film;
  private readonly onTrouble: (said: string) => void;

  constructor(video: HTMLVideoElement, footage: Footage, film: Film, onTrouble: (said: string) => void) {
    this.video = video;
    this.footage = footage;
    this.film = film;
    this.onTrouble = onTrouble;
    this.media.addEventListener("sourceopen", () => this.open(), { once: true });
    video.src = this.url;
    this.timer = window.setInterval(() => void this.turn(), TICK_MS);
    video.addEventListener("seeking", this.onSeeking);
  }

  stop(): void {
    this.stopped = true;
    window.clearInterval(this.timer);
    this.asking.abort();
    this.video.removeEventListener("seeking", this.onSeeking);
    this.video.removeAttribute("src");
    this.video.load();
    URL.revokeObjectURL(this.url);
  }

  private readonly onSeeking = (): void => {
    // What was asked for before is not what is looked at now.
    if (this.busy && this.asked >= 0 && !this.wanted().includes(this.asked)) this.asking.abort();
    void this.turn();
  };

  private open(): void {
    const first = this.footage.clips[0];
    if (first === undefined || this.stopped) return;
    if (!MediaSource.isTypeSupported(first.media_type)) return this.onTrouble("This browser cannot show how the camera codes its pictures.");
    this.buffer = this.media.addSourceBuffer(first.media_type);
    this.media.duration = this.film.lasts_us / US;
    void this.turn();
  }

  /** Numbers of the stretches to have now, the one looked at first. */
  private wanted(): number[] {
    const now_us = this.video.currentTime * US;
    const first = this.film.stretchAt(now_us);
    const found: number[] = [];
    for (let n = first; n < this.film.stretches.length; n++) {
      if (n > first && (this.film.stretches[n]?.from_us ?? 0) > now_us + AHEAD_US) break;
      found.push(n);
    }
    return found;
  }

  private async turn(): Promise<void> {
    const buffer = this.buffer;
    if (this.busy || this.stopped || buffer === null || buffer.updating) return;
    this.passGap();
    const next = this.wanted().find((n) => !this.had.has(n));
    if (next === undefined) {
      // Whoever waits at the end is told that it is one; what is taken after that opens it again.
      if (this.had.has(this.film.stretches.length - 1) && this.media.readyState === "open") this.media.endOfStream();
      return;
    }
    this.busy = true;
    this.asked = next;
    try {
      await this.forget(buffer);
      await this.take(buffer, next);
    } catch (error) {
      if (!this.stopped && !(error instanceof DOMException && error.name === "AbortError")) {
        this.onTrouble(error instanceof Error ? error.message : "The pictures did not come.");
      }
    } finally {
      this.busy = false;
      this.asked = -1;
    }
  }

  private async take(buffer: SourceBuffer, number: number): Promise<void> {
    const stretch = this.film.stretches[number];
    const clip = stretch === undefined ? undefined : this.footage.clips[stretch.clip];
    if (stretch === undefined || clip === undefined) return;
    this.asking = new AbortController();
    const { signal } = this.asking;
    if (this.clip !== stretch.clip) {
      const head = await octets(this.footage, stretch.clip, 0, clip.head_octets, signal);
      if (this.clip >= 0) buffer.changeType(clip.media_type);
      buffer.timestampOffset = clip.offset_us / US;
      await this.append(buffer, head);
      this.clip = stretch.clip;
    }
    await this.append(buffer, await octets(this.footage, stretch.clip, stretch.start, stretch.stop, signal));
    this.had.add(number);
  }

  private append(buffer: SourceBuffer, data: ArrayBuffer): Promise<void> {
    if (this.stopped || this.media.readyState === "closed") return Promise.resolve();
    return settled(buffer, () => buffer.appendBuffer(data));
  }

  private async forget(buffer: SourceBuffer): Promise<void> {
    const now_us = this.video.currentTime * US;
    for (const number of this.had) {
      const one = this.film.stretches[number];
      if (one === undefined || (one.until_us > now_us - KEPT_US && one.from_us < now_us + KEPT_US)) continue;
      this.had.delete(number);
      await settled(buffer, () => buffer.remove(one.from_us / US, Math.max(one.until_us / US, one.from_us / US + 0.001)));
    }
  }

  /** Where no picture was recorded there is nothing to wait for: playing goes on after it. */
  private passGap(): void {
    const { buffered, currentTime, readyState, seeking } = this.video;
    if (readyState > 2 || (seeking && buffered.length === 0)) return;
    for (let n = 0; n < buffered.length; n++) {
      const start = buffered.start(n);
      if (start > currentTime && start - currentTime < 3600) {
        const between = this.film.stretches.some((one, at) => !this.had.has(at) && one.until_us / US > currentTime && one.from_us / US < start - 0.05);
        if (!between) this.video.currentTime = start + 0.001;
        return;
      }
      if (buffered.end(n) > currentTime + 0.05) return;
    }
  }
}

function settled(buffer: SourceBuffer, begin: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      buffer.removeEventListener("updateend", done);
      buffer.removeEventListener("error", failed);
      resolve();
    };
    const failed = (): void => {
      buffer.removeEventListener("updateend", done);
      buffer.removeEventListener("error", failed);
      reject(new Error("The pictures cannot be shown by this browser."));
    };
    buffer.addEventListener("updateend", done);
    buffer.addEventListener("error", failed);
    begin();
  });
}
