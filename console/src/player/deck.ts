// What a player does: play, stop, go to a time or a picture. One for each recording that is looked at.

import { signal } from "@preact/signals";
import type { Footage } from "../api/footage.ts";
import { Feeder } from "./feeder.ts";
import { Film, US } from "./film.ts";

export const SPEEDS = [0.25, 0.5, 1, 2, 4] as const;

export class Deck {
  readonly footage: Footage;
  readonly film: Film;
  readonly at_us = signal(0);
  readonly playing = signal(false);
  readonly speed = signal(1);
  readonly trouble = signal("");
  readonly ready = signal(false);
  private video: HTMLVideoElement | null = null;
  private feeder: Feeder | null = null;
  private frame = 0;

  constructor(footage: Footage) {
    this.footage = footage;
    this.film = new Film(footage.clips, footage.lasts_us);
  }

  /** Gives what lets go of it. */
  hold(video: HTMLVideoElement): () => void {
    this.video = video;
    this.feeder = new Feeder(video, this.footage, this.film, (said) => (this.trouble.value = said));
    const look = (): void => {
      this.at_us.value = Math.round(video.currentTime * US);
      this.frame = video.paused ? 0 : requestAnimationFrame(look);
    };
    const turned = (): void => {
      this.playing.value = !video.paused;
      cancelAnimationFrame(this.frame);
      look();
    };
    const loaded = (): void => {
      this.ready.value = true;
      video.playbackRate = this.speed.peek();
    };
    for (const kind of ["play", "pause", "ended", "seeked", "seeking"]) video.addEventListener(kind, turned);
    video.addEventListener("loadeddata", loaded);
    return () => {
      cancelAnimationFrame(this.frame);
      for (const kind of ["play", "pause", "ended", "seeked", "seeking"]) video.removeEventListener(kind, turned);
      video.removeEventListener("loadeddata", loaded);
      this.feeder?.stop();
      this.feeder = null;
      this.video = null;
    };
  }

  toggle(): void {
    const video = this.video;
    if (video === null) return;
    if (!video.paused) return video.pause();
    if (this.at_us.peek() >= this.film.lasts_us - 100_000) this.goTo(0);
    void video.play().catch(() => undefined);
  }

  goTo(us: number): void {
    if (this.video === null) return;
    const within = Math.min(Math.max(0, us), Math.max(0, this.film.lasts_us - 1_000));
    this.at_us.value = within;
    this.video.currentTime = within / US;
  }

  skip(seconds: number): void {
    this.goTo(this.at_us.peek() + seconds * US);
  }

  /** One picture on or back. Playing stops: single pictures are looked at standing. */
  step(by: 1 | -1): void {
    this.video?.pause();
    this.goTo(this.film.insideOf(this.film.pictureAt(this.at_us.peek()) + by));
  }

  setSpeed(speed: number): void {
    this.speed.value = speed;
    if (this.video !== null) this.video.playbackRate = speed;
  }

  faster(by: 1 | -1): void {
    const at = SPEEDS.findIndex((one) => one === this.speed.peek());
    this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + by))] ?? 1);
  }
}
