// Web Mercator, for a map that always has north up and is never tilted: then a place on the screen is two multiplications away.

export const TILE = 512; // the size at zoom 0, as the map has it

/** 0 at 180° W, 1 at 180° E. */
export function mercatorX(lon: number): number {
  return (lon + 180) / 360;
}

/** 0 at 85.05° N, growing southwards. */
export function mercatorY(lat: number): number {
  const radians = (lat * Math.PI) / 180;
  return (1 - Math.log(Math.tan(Math.PI / 4 + radians / 2)) / Math.PI) / 2;
}

export function latitudeOf(y: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
}

export function longitudeOf(x: number): number {
  return x * 360 - 180;
}

/** What part of the world a screen shows. `scale` is pixels a world width; `left` and `top` are the corner in those pixels. */
export interface Frame {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export function frameOf(centre: { lat: number; lng: number }, zoom: number, width: number, height: number): Frame {
  const scale = TILE * 2 ** zoom;
  return { scale, left: mercatorX(centre.lng) * scale - width / 2, top: mercatorY(centre.lat) * scale - height / 2, width, height };
}

/** Metres a pixel at this latitude. */
export function metresPerPixel(lat: number, zoom: number): number {
  return (40_075_016.686 * Math.cos((lat * Math.PI) / 180)) / (TILE * 2 ** zoom);
}

/**
 * The part of a line that lies on the screen or within `margin` of it, as [x1, y1, x2, y2]; null when none does (Liang–Barsky). A line drawn
 * far past the edges costs as much as one that is seen, dashes above all.
 */
export function clipped(x1: number, y1: number, x2: number, y2: number, frame: Frame, margin: number): [number, number, number, number] | null {
  const [dx, dy] = [x2 - x1, y2 - y1];
  let [from, to] = [0, 1];
  const bounds = [
    [-dx, x1 + margin],
    [dx, frame.width + margin - x1],
    [-dy, y1 + margin],
    [dy, frame.height + margin - y1],
  ] as const;
  for (const [slope, room] of bounds) {
    if (slope === 0) {
      if (room < 0) return null;
    } else if (slope < 0) from = Math.max(from, room / slope);
    else to = Math.min(to, room / slope);
  }
  return from > to ? null : [x1 + dx * from, y1 + dy * from, x1 + dx * to, y1 + dy * to];
}
