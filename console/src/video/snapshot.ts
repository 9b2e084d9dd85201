// One picture as a file: the picture as it is, and below it a margin that says what it is. It is on record before it is kept, with
// what its pixels are; the picture itself goes nowhere but to this computer.

import { act, path } from "../api/client.ts";

/** What is known of a picture. `captured_at` is null where nobody tells when it was taken. */
export interface About {
  readonly viewing_id: string;
  readonly captured_at: number | null;
  readonly lines: readonly string[];
}

interface Kept {
  readonly snapshot_id: string;
  readonly at: number;
}

const MARGIN_PX = 12;
const LEAST_TEXT_PX = 12;

/** Records it, then saves it. Raises when it cannot be recorded: then nothing is saved. Gives the snapshot's id. */
export async function keepSnapshot(video: HTMLVideoElement, about: About): Promise<string> {
  const { videoWidth: width, videoHeight: height } = video;
  if (width === 0) throw new Error("there is no picture");
  if (!("subtle" in crypto)) throw new Error("a snapshot can be kept only over https");
  const picture = new OffscreenCanvas(width, height);
  const pen = picture.getContext("2d", { willReadFrequently: true });
  if (pen === null) throw new Error("this browser cannot draw");
  pen.drawImage(video, 0, 0);
  const { data } = pen.getImageData(0, 0, width, height);
  const digest = hex(await crypto.subtle.digest("SHA-256", data));
  const captured = about.captured_at === null ? {} : { captured_at: new Date(about.captured_at).toISOString() };
  const kept = await act<Kept>("POST", path("video", "viewings", about.viewing_id, "snapshots"), {
    pixels_sha256: digest,
    width_px: width,
    height_px: height,
    ...captured,
  });
  const lines = [...about.lines, `Viewing ${about.viewing_id}, snapshot ${kept.snapshot_id}`, `SHA-256 of the picture's pixels ${digest}`];
  save(await withMargin(picture, lines), `${kept.snapshot_id}.png`);
  return kept.snapshot_id;
}

async function withMargin(picture: OffscreenCanvas, lines: readonly string[]): Promise<Blob> {
  const size = Math.max(LEAST_TEXT_PX, Math.round(picture.width / 60));
  const face = `${size}px sans-serif`;
  const probe = picture.getContext("2d") as OffscreenCanvasRenderingContext2D;
  probe.font = face;
  const broken = lines.flatMap((line) => wrapped(line, picture.width - 2 * MARGIN_PX, (text) => probe.measureText(text).width));
  const step = Math.round(size * 1.4);
  const sheet = new OffscreenCanvas(picture.width, picture.height + 2 * MARGIN_PX + broken.length * step);
  const pen = sheet.getContext("2d") as OffscreenCanvasRenderingContext2D;
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.drawImage(picture, 0, 0);
  pen.fillStyle = "#000000";
  pen.font = face;
  pen.textBaseline = "top";
  for (const [number, line] of broken.entries()) pen.fillText(line, MARGIN_PX, picture.height + MARGIN_PX + number * step);
  return sheet.convertToBlob({ type: "image/png" });
}

/** A line as several that fit; a word that alone does not fit is cut. */
export function wrapped(line: string, width: number, measure: (text: string) => number): string[] {
  const done: string[] = [];
  let now = "";
  for (const word of line.split(" ")) {
    const longer = now === "" ? word : `${now} ${word}`;
    if (measure(longer) <= width) {
      now = longer;
      continue;
    }
    if (now !== "") done.push(now);
    now = word;
    while (measure(now) > width && now.length > 1) {
      let fits = now.length - 1;
      while (fits > 1 && measure(now.slice(0, fits)) > width) fits -= 1;
      done.push(now.slice(0, fits));
      now = now.slice(fits);
    }
  }
  return now === "" ? done : [...done, now];
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function hex(data: ArrayBuffer): string {
  return Array.from(new Uint8Array(data), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
