// Where drones look, on the map: a line from the drone to the place that its picture's middle shows, and how well that is known.

import type { Look } from "../video/looks.ts";

export interface Spot {
  readonly x: number;
  readonly y: number;
}

const DASH = [5, 4];
const CROSS = 6;

/** `scale`: pixels a metre there. */
export function drawSight(pen: CanvasRenderingContext2D, from: Spot, at: Spot, look: Look, scale: number, colour: string, ground: string): void {
  for (const [stroke, width] of [[ground, 4], [colour, 1.5]] as const) {
    pen.strokeStyle = stroke;
    pen.lineWidth = width;
    pen.setLineDash(stroke === colour ? DASH : []);
    pen.beginPath();
    pen.moveTo(from.x, from.y);
    pen.lineTo(at.x, at.y);
    pen.stroke();
    pen.setLineDash([]);
    pen.beginPath();
    pen.moveTo(at.x - CROSS, at.y);
    pen.lineTo(at.x + CROSS, at.y);
    pen.moveTo(at.x, at.y - CROSS);
    pen.lineTo(at.x, at.y + CROSS);
    pen.stroke();
    pen.beginPath();
    // Bearings go clockwise from north, angles of the canvas clockwise from east.
    pen.ellipse(at.x, at.y, Math.max(3, look.semi_major_m * scale), Math.max(3, look.semi_minor_m * scale), ((look.bearing_deg - 90) * Math.PI) / 180, 0, 2 * Math.PI);
    pen.stroke();
  }
}
