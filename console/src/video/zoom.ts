// Digital zoom: which part of a picture is looked at. Shares of the frame and of the picture, 0 to 1. Pure.

export interface Zoom {
  readonly scale: number;
  /** The middle of what is seen. */
  readonly x: number;
  readonly y: number;
}

export const WHOLE: Zoom = { scale: 1, x: 0.5, y: 0.5 };
export const MOST = 8;

/** Never beyond the picture's edge. */
function kept({ scale, x, y }: Zoom): Zoom {
  const half = 0.5 / scale;
  return { scale, x: Math.min(1 - half, Math.max(half, x)), y: Math.min(1 - half, Math.max(half, y)) };
}

/** Nearer or further by a factor; what is at `at` of the frame stays there. */
export function zoomed(now: Zoom, factor: number, at: { readonly x: number; readonly y: number } = { x: 0.5, y: 0.5 }): Zoom {
  const scale = Math.min(MOST, Math.max(1, now.scale * factor));
  const [px, py] = [now.x + (at.x - 0.5) / now.scale, now.y + (at.y - 0.5) / now.scale];
  return kept({ scale, x: px - (at.x - 0.5) / scale, y: py - (at.y - 0.5) / scale });
}

/** The picture is drawn along with a hand that moves so far over the frame. */
export function panned(now: Zoom, dx: number, dy: number): Zoom {
  return kept({ scale: now.scale, x: now.x - dx / now.scale, y: now.y - dy / now.scale });
}

export function transform({ scale, x, y }: Zoom): string {
  return scale === 1 ? "none" : `scale(${scale}) translate(${(0.5 - x) * 100}%, ${(0.5 - y) * 100}%)`;
}
