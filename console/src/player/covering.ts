// What somebody is about to cover or uncover, and the regions of the stretch that is looked at.

import { effect, type Signal, signal } from "@preact/signals";
import { type Box, type Redaction, redaction, type Region, regions, type Span } from "../api/redaction.ts";
import { Problem } from "../api/client.ts";
import type { Deck } from "./deck.ts";
import { US } from "./film.ts";

const STRETCH_US = 60 * US;
const AGAIN_MS = 1_000;
/** What is covered at first, when somebody begins to. */
const FIRST_SHARE = 0.15;

export type Task = "none" | "cover" | "lift";

export class Covering {
  readonly standing: Signal<Redaction | null | undefined> = signal(undefined); // undefined: not asked yet
  readonly regions: Signal<readonly Region[]> = signal([]);
  readonly task: Signal<Task> = signal("none");
  readonly box: Signal<Box> = signal({ left: 0, top: 0, right: 0, bottom: 0 });
  readonly span: Signal<Span> = signal({ from_us: 0, until_us: 0 });
  readonly lifted = signal("");
  readonly preview = signal(true);
  readonly deck: Deck;
  private readonly recording: string;
  private had = "";
  private timer = 0;
  private ends: (() => void)[] = [];

  constructor(deck: Deck) {
    this.deck = deck;
    this.recording = deck.footage.recording_id;
  }

  begin(): () => void {
    void this.ask();
    this.ends = [effect(() => void this.fetch(Math.floor(this.deck.at_us.value / STRETCH_US), this.standing.value ?? null))];
    return () => {
      for (const end of this.ends) end();
      window.clearTimeout(this.timer);
    };
  }

  async ask(): Promise<void> {
    window.clearTimeout(this.timer);
    try {
      this.take(await redaction(this.recording));
    } catch (error) {
      if (error instanceof Problem && error.status === 404) this.standing.value = null;
    }
  }

  take(said: Redaction): void {
    this.standing.value = said;
    window.clearTimeout(this.timer);
    if (said.state === "finding" || said.state === "making") this.timer = window.setTimeout(() => void this.ask(), AGAIN_MS);
  }

  now(): readonly Region[] {
    const at_us = this.deck.at_us.value;
    return this.regions.value.filter((one) => one.from_us <= at_us && at_us <= one.until_us);
  }

  startCovering(): void {
    const said = this.standing.peek();
    if (!said) return;
    const [x, y, w, h] = [said.width_px / 2, said.height_px / 2, said.width_px * FIRST_SHARE, said.height_px * FIRST_SHARE];
    this.box.value = rounded({ left: x - w / 2, top: y - h / 2, right: x + w / 2, bottom: y + h / 2 }, said);
    this.span.value = { from_us: this.deck.at_us.peek(), until_us: Math.min(this.deck.film.lasts_us, this.deck.at_us.peek() + 5 * US) };
    this.task.value = "cover";
  }

  startLifting(region: string): void {
    this.lifted.value = region;
    this.span.value = { from_us: 0, until_us: this.deck.film.lasts_us };
    this.task.value = "lift";
  }

  setBox(box: Box): void {
    const said = this.standing.peek();
    if (said) this.box.value = rounded(box, said);
  }

  private async fetch(stretch: number, said: Redaction | null): Promise<void> {
    const wanted = said === null || said.looks === 0 || said.state === "finding" ? "" : `${stretch} ${said.edits.length} ${said.looks}`;
    if (wanted === this.had) return;
    this.had = wanted;
    if (wanted === "") return void (this.regions.value = []);
    try {
      const found = await regions(this.recording, { from_us: stretch * STRETCH_US, until_us: (stretch + 1) * STRETCH_US });
      if (this.had === wanted) this.regions.value = found;
    } catch {
      if (this.had === wanted) this.had = "";
    }
  }
}

/** Whole pixels, inside the picture, at least two wide and high. */
export function rounded(box: Box, size: { readonly width_px: number; readonly height_px: number }): Box {
  const within = (value: number, most: number): number => Math.min(most, Math.max(0, Math.round(value)));
  const left = Math.min(within(Math.min(box.left, box.right), size.width_px), size.width_px - 2);
  const top = Math.min(within(Math.min(box.top, box.bottom), size.height_px), size.height_px - 2);
  return {
    left,
    top,
    right: Math.max(left + 2, within(Math.max(box.left, box.right), size.width_px)),
    bottom: Math.max(top + 2, within(Math.max(box.top, box.bottom), size.height_px)),
  };
}

export function moved(box: Box, x: number, y: number, size: { readonly width_px: number; readonly height_px: number }): Box {
  const across = Math.min(Math.max(x, -box.left), size.width_px - box.right);
  const down = Math.min(Math.max(y, -box.top), size.height_px - box.bottom);
  return { left: box.left + across, top: box.top + down, right: box.right + across, bottom: box.bottom + down };
}
