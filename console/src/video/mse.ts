// Live pictures as fragmented MP4 over a WebSocket, where WebRTC finds no way.

import { path } from "../api/client.ts";

/** Further behind than this the player jumps to what is now; seconds. */
const MOST_BEHIND_S = 1.0;
const KEPT_S = 10;

export interface MseEvents {
  /** A source begins, the first or another: its session, and how far its own time is from the player's, microseconds. */
  onSource(session: string, offset_us: number): void;
  /** It has ended by itself. */
  onEnd(code: number, why: string): void;
}

type Part = { readonly type: string; readonly session: string } | ArrayBuffer;

/** Plays into `video` until what it gives is called. */
export function playMse(video: HTMLVideoElement, source: string, events: MseEvents): () => void {
  const address = new URL(`api/v1/${path("video", ...source.split("/"), "mse")}`, document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  const media = new MediaSource();
  const url = URL.createObjectURL(media);
  const waiting: Part[] = [];
  let buffer: SourceBuffer | null = null;
  let session = "";
  let fresh = false; // the next fragment is the first of its source
  let headed = false; // its head has come
  let why = "";
  video.src = url;

  const end = (): number => (buffer === null || buffer.buffered.length === 0 ? 0 : buffer.buffered.end(buffer.buffered.length - 1));

  const begin = (part: { type: string; session: string }): void => {
    if (!MediaSource.isTypeSupported(part.type)) {
      why = `this browser cannot show ${part.type.includes("hvc1") ? "H.265" : part.type}`;
      socket.close();
      return;
    }
    if (buffer === null) {
      buffer = media.addSourceBuffer(part.type);
      buffer.addEventListener("updateend", feed);
    } else {
      buffer.changeType(part.type);
    }
    session = part.session;
    fresh = true;
    headed = false;
  };

  /** Another drone's file counts time by a clock of its own: it goes on where the one before has ended. */
  const join = (fragment: ArrayBuffer): void => {
    if (buffer === null) return;
    const at = startOf(fragment);
    const offset = at === null || end() === 0 ? 0 : end() - at;
    buffer.timestampOffset = offset;
    fresh = false;
    events.onSource(session, Math.round(offset * 1e6));
  };

  function feed(): void {
    if (media.readyState !== "open" || buffer?.updating === true) return;
    if (buffer !== null && buffer.buffered.length > 0) {
      if (end() - video.currentTime > MOST_BEHIND_S) video.currentTime = end() - 0.1;
      if (end() - buffer.buffered.start(0) > 2 * KEPT_S) {
        buffer.remove(0, end() - KEPT_S);
        return;
      }
    }
    const next = waiting.shift();
    if (next === undefined) return;
    if (!(next instanceof ArrayBuffer)) {
      begin(next);
      feed();
      return;
    }
    if (buffer === null) return;
    if (fresh && headed) join(next);
    headed = true;
    try {
      buffer.appendBuffer(next);
    } catch (error) {
      why = `the picture cannot be played (${error instanceof Error ? error.name : "unknown"})`;
      socket.close();
    }
  }

  media.addEventListener("sourceopen", feed, { once: true });
  video.onerror = () => {
    why = "the picture cannot be decoded";
    socket.close();
  };
  socket.onmessage = ({ data }) => {
    waiting.push(typeof data === "string" ? (JSON.parse(data) as { type: string; session: string }) : (data as ArrayBuffer));
    feed();
  };
  socket.onclose = ({ code }) => events.onEnd(code, why);
  return () => {
    socket.onclose = null;
    socket.onmessage = null;
    video.onerror = null;
    socket.close();
    URL.revokeObjectURL(url);
    video.removeAttribute("src");
    video.load();
  };
}

const MICROSECONDS = 1e6;

/** When a fragment begins by its file's clock, seconds: its `tfdt` box (ISO/IEC 14496-12, 8.8.12). Files here count microseconds. */
export function startOf(fragment: ArrayBuffer): number | null {
  const view = new DataView(fragment);
  for (let at = 4; at + 16 <= view.byteLength; at++) {
    if (view.getUint32(at) !== 0x74666474) continue; // "tfdt"
    return (view.getUint8(at + 4) === 1 ? Number(view.getBigUint64(at + 8)) : view.getUint32(at + 8)) / MICROSECONDS;
  }
  return null;
}
