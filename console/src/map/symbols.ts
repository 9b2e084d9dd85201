// The shapes of the map. Each kind has a shape of its own, so that nothing is told by colour alone; the legend shows them all.

import type { Tone } from "../words.ts";
import { gradeColour, palette, toneColour } from "./palette.ts";

type Pen = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Outline of a grade: I a triangle, S a diamond, E a circle, R a square. `r` is about half its width. */
export function gradePath(pen: Pen, grade: string, x: number, y: number, r: number): void {
  pen.beginPath();
  if (grade === "I") {
    pen.moveTo(x, y - r * 1.2);
    pen.lineTo(x + r * 1.22, y + r * 0.92);
    pen.lineTo(x - r * 1.22, y + r * 0.92);
  } else if (grade === "S") {
    pen.moveTo(x, y - r * 1.2);
    pen.lineTo(x + r * 1.2, y);
    pen.lineTo(x, y + r * 1.2);
    pen.lineTo(x - r * 1.2, y);
  } else if (grade === "E") {
    pen.arc(x, y, r, 0, Math.PI * 2);
  } else {
    pen.rect(x - r * 0.85, y - r * 0.85, r * 1.7, r * 1.7);
  }
  pen.closePath();
}

/** The letter sits where its shape is widest. */
export function letterOffset(grade: string, r: number): number {
  return grade === "I" ? r * 0.3 : 0;
}

/**
 * An incident. Filled while it waits for a drone; an outline with its letter once one is on the way; with a dot above it once there are
 * eyes on it.
 */
export function drawIncident(pen: Pen, grade: string, state: string, x: number, y: number, r: number, chosen: boolean): void {
  const colours = palette();
  const colour = gradeColour(grade);
  const waits = state === "open";
  gradePath(pen, grade, x, y, r);
  pen.lineJoin = "round";
  pen.lineWidth = 5;
  pen.strokeStyle = colours.ground;
  pen.stroke();
  pen.fillStyle = waits ? colour : colours.ground;
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = colour;
  pen.stroke();
  if (r >= 7) {
    pen.font = `700 ${Math.round(r * 1.15)}px ${colours.font}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = waits ? colours["on-bright"] : colour;
    pen.fillText(grade, x, y + letterOffset(grade, r) + 0.5);
  }
  if (state === "on-scene") {
    pen.beginPath();
    pen.arc(x + r * 1.1, y - r * 1.1, 4, 0, Math.PI * 2);
    pen.fillStyle = colours.ok;
    pen.fill();
    pen.lineWidth = 1.5;
    pen.strokeStyle = colours.ground;
    pen.stroke();
  }
  if (chosen) ring(pen, x, y, r + 9, colours.focus);
}

export function ring(pen: Pen, x: number, y: number, r: number, colour: string): void {
  pen.beginPath();
  pen.arc(x, y, r, 0, Math.PI * 2);
  pen.lineWidth = 2;
  pen.strokeStyle = colour;
  pen.stroke();
}

/** A dock: a square, with one pip a pad when there is room; crossed when it does not work. */
export function drawDock(pen: Pen, x: number, y: number, size: number, pads: number, taken: number, tone: Tone, chosen: boolean): void {
  const colours = palette();
  const half = size / 2;
  pen.fillStyle = colours.panel;
  pen.strokeStyle = tone === "quiet" || tone === "info" ? colours.quiet : toneColour(tone);
  pen.lineWidth = tone === "info" ? 2.5 : 1.5;
  pen.beginPath();
  pen.rect(x - half, y - half, size, size);
  pen.fill();
  pen.stroke();
  if (size >= 14) {
    const each = Math.min(6, (size - 4) / Math.max(1, pads));
    for (let pad = 0; pad < pads; pad++) {
      const left = x - (each * pads) / 2 + each * pad;
      pen.fillStyle = pad < taken ? colours.ok : colours.line;
      pen.fillRect(left + 0.75, y - 3, each - 1.5, 6);
    }
  } else if (taken > 0) {
    pen.fillStyle = colours.ok;
    pen.fillRect(x - half / 2, y - half / 2, half, half);
  }
  if (tone === "alarm" || tone === "warning") {
    pen.beginPath();
    pen.moveTo(x - half, y + half);
    pen.lineTo(x + half, y - half);
    pen.lineWidth = 2;
    pen.strokeStyle = toneColour(tone);
    pen.stroke();
  }
  if (chosen) ring(pen, x, y, half + 8, colours.focus);
}

export const ARROW_SIZE = 34; // room for the badge round the arrow

/**
 * A drone: an arrow to where it heads. On scene it has a ring, under a pilot's hand a square, in trouble a broken ring and a hollow arrow,
 * and going home the arrow is hollow.
 */
export function drawDrone(pen: Pen, tone: Tone): void {
  const colours = palette();
  const colour = toneColour(tone);
  pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(0, -9);
  pen.lineTo(6.5, 8);
  pen.lineTo(0, 4.2);
  pen.lineTo(-6.5, 8);
  pen.closePath();
  pen.lineWidth = 4.5;
  pen.strokeStyle = colours.ground;
  pen.stroke();
  const hollow = tone === "quiet" || tone === "alarm" || tone === "warning";
  pen.fillStyle = hollow ? colours.ground : colour;
  pen.fill();
  pen.lineWidth = hollow ? 2 : 1;
  pen.strokeStyle = colour;
  pen.stroke();
  pen.lineWidth = 1.75;
  pen.beginPath();
  if (tone === "ok") pen.arc(0, 0, 13, 0, Math.PI * 2);
  else if (tone === "pilot") pen.rect(-12, -12, 24, 24);
  else if (tone === "alarm" || tone === "warning") pen.setLineDash([5, 3.2]);
  if (tone === "alarm" || tone === "warning") pen.arc(0, 0, 13.5, 0, Math.PI * 2);
  pen.stroke();
  pen.setLineDash([]);
}
