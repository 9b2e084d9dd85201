// Several pictures on one screen: which, how they stand, and where an arrow leads. Pure.

/** One browser decodes some nine pictures well, and nobody sees more. */
export const MOST = 9;

/** So many columns hold `count` pictures, 1 to 9, on a screen that is wider than high. */
export function columns(count: number): number {
  return count <= 1 ? 1 : count <= 4 ? 2 : 3;
}

const STEPS: Readonly<Record<string, (at: number, across: number) => number>> = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  ArrowUp: (at, across) => at - across,
  ArrowDown: (at, across) => at + across,
};

/** Which picture a key leads to from the one at `at`; null when it leads nowhere. Digits count from 1. */
export function led(key: string, at: number, count: number, across: number): number | null {
  const to = /^[1-9]$/.test(key) ? Number(key) - 1 : (STEPS[key]?.(at, across) ?? -1);
  return to >= 0 && to < count && to !== at ? to : null;
}

/** Which of those that show something are on the wall: those chosen, else the first ones. */
export function onWall(shown: readonly string[], chosen: readonly string[] | null): string[] {
  return (chosen === null ? [...shown] : chosen.filter((one) => shown.includes(one))).slice(0, MOST);
}

/** One more; on a full wall the last makes room. */
export function added(wall: readonly string[], one: string): string[] {
  return [...wall.filter((other) => other !== one).slice(0, MOST - 1), one];
}
