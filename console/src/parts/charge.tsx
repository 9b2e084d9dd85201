// A battery: bar and figure, with the mark below which the drone must turn home.

import { percent } from "../format.ts";

const LOW = 0.3;

export function Charge({ fraction, bingo, wide = false }: { fraction: number | null; bingo?: number | undefined; wide?: boolean }) {
  const value = fraction ?? 0;
  const low = fraction !== null && value < (bingo ?? LOW);
  const said = `Charge ${fraction === null ? "unknown" : percent(fraction)}${bingo === undefined ? "" : `, must turn home at ${percent(bingo)}`}`;
  return (
    <span class={`charge${wide ? " wide" : ""}${low ? " low" : ""}`} role="img" aria-label={said}>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <rect class="charge-rest" width="100" height="10" />
        <rect class="charge-full" width={Math.max(0, Math.min(100, value * 100))} height="10" />
        {bingo === undefined ? null : <rect class="charge-bingo" x={Math.min(98.5, bingo * 100)} width="1.5" height="10" />}
      </svg>
      <span class="num" aria-hidden="true">
        {percent(fraction)}
      </span>
    </span>
  );
}
