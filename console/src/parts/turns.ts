// What a pilot asks for while something else is under way: done after it, never dropped.

export type Act = () => Promise<unknown>;

interface Waiting {
  readonly act: Act;
  readonly told: (done: boolean) => void;
}

/**
 * One act at a time, in the order they were asked for. What is asked for again before its turn has come, by the same `kind`, takes the
 * place of the one that waits: where the vehicle should go, or where the camera should look, is the last word.
 */
export class Turns {
  private readonly waiting = new Map<string, Waiting>();
  private under = false;

  /** Does `act` at once, or when what was asked for before is over. False where it failed or another took its place. */
  ask(kind: string, act: Act): Promise<boolean> {
    this.waiting.get(kind)?.told(false);
    this.waiting.delete(kind);
    const done = new Promise<boolean>((told) => this.waiting.set(kind, { act, told }));
    if (!this.under) void this.work();
    return done;
  }

  private async work(): Promise<void> {
    this.under = true;
    for (let next = this.first(); next !== null; next = this.first()) {
      try {
        await next.act();
        next.told(true);
      } catch {
        next.told(false);
      }
    }
    this.under = false;
  }

  private first(): Waiting | null {
    for (const [kind, one] of this.waiting) {
      this.waiting.delete(kind);
      return one;
    }
    return null;
  }
}
