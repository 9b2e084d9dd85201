// Live pictures as fragmented MP4 over a WebSocket, where WebRTC finds no way.

import { path } from "../api/client.ts";

/** Further behind than this the player jumps to what is now; seconds. */
const MOST_BEHIND_S = 1.0;
const KEPT_S = 10;

/** Plays into `video` until `stop` is called; tells `onEnd` when it ended by itself, with the close code. */
export function playMse(video: HTMLVideoElement, source: string, onEnd: (code: number) => void): () => void {
  const address = new URL(`api/v1/${path("video", ...source.split("/"), "mse")}`, document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  const media = new MediaSource();
  const url = URL.createObjectURL(media);
  const waiting: ArrayBuffer[] = [];
  let buffer: SourceBuffer | null = null;
  video.src = url;
  const feed = (): void => {
    if (buffer === null || buffer.updating || media.readyState !== "open") return;
    const end = buffer.buffered.length === 0 ? 0 : buffer.buffered.end(buffer.buffered.length - 1);
    if (end - video.currentTime > MOST_BEHIND_S) video.currentTime = end - 0.1;
    if (buffer.buffered.length > 0 && end - buffer.buffered.start(0) > 2 * KEPT_S) {
      buffer.remove(0, end - KEPT_S);
      return;
    }
    const next = waiting.shift();
    if (next !== undefined) buffer.appendBuffer(next);
  };
  const opened = new Promise<void>((resolve) => media.addEventListener("sourceopen", () => resolve(), { once: true }));
  socket.onmessage = async ({ data }) => {
    if (typeof data === "string") {
      const { type } = JSON.parse(data) as { type: string };
      await opened;
      if (!MediaSource.isTypeSupported(type)) return socket.close();
      buffer = media.addSourceBuffer(type);
      buffer.addEventListener("updateend", feed);
    } else {
      waiting.push(data as ArrayBuffer);
    }
    feed();
  };
  socket.onclose = ({ code }) => onEnd(code);
  return () => {
    socket.onclose = null;
    socket.close();
    URL.revokeObjectURL(url);
    video.removeAttribute("src");
    video.load();
  };
}
