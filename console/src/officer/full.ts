// The full picture: WebRTC, and MP4 by WebSocket where that finds no way. It ends by itself with a reason; the page has small pictures
// until it is tried again.

import { CONNECT_MS, connected, gathered } from "../video/peer.ts";

const MOST_BEHIND_S = 0.8;
const KEPT_S = 8;

export interface Full {
  /** Share of packets lost since it was last asked; 0 where that is not known. */
  lost(): Promise<number>;
  stop(): void;
}

/** Plays into `video`; raises when there is no way at all. */
export async function playFull(video: HTMLVideoElement, base: string, webrtc: boolean, onEnd: () => void): Promise<Full> {
  if (webrtc && "RTCPeerConnection" in window) {
    try {
      return await playWhep(video, base, onEnd);
    } catch {
      // Networks that let nothing through but the web are common; what follows needs no more than that.
    }
  }
  return playMse(video, base, onEnd);
}

async function playWhep(video: HTMLVideoElement, base: string, onEnd: () => void): Promise<Full> {
  const peer = new RTCPeerConnection();
  let resource = "";
  const stop = (): void => {
    peer.onconnectionstatechange = null;
    peer.close();
    video.srcObject = null;
    if (resource !== "") void fetch(resource, { method: "DELETE", keepalive: true }).catch(() => undefined);
    resource = "";
  };
  try {
    const tracked = new Promise<MediaStream>((resolve) => {
      peer.ontrack = ({ track, receiver }) => {
        if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
        resolve(new MediaStream([track]));
      };
    });
    peer.addTransceiver("video", { direction: "recvonly" });
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const answer = await fetch(`${base}/whep`, {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: peer.localDescription?.sdp ?? "",
      signal: AbortSignal.timeout(CONNECT_MS),
    });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    resource = answer.headers.get("Location") ?? "";
    await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    await connected(peer);
    video.srcObject = await tracked;
    void video.play().catch(() => undefined);
    peer.onconnectionstatechange = () => {
      if (["failed", "closed", "disconnected"].includes(peer.connectionState)) onEnd();
    };
    return { lost: losses(peer), stop };
  } catch (error) {
    stop();
    throw error;
  }
}

function losses(peer: RTCPeerConnection): () => Promise<number> {
  let before = { lost: 0, received: 0 };
  return async () => {
    for (const one of (await peer.getStats()).values() as Iterable<{ type: string; packetsLost?: number; packetsReceived?: number }>) {
      if (one.type !== "inbound-rtp") continue;
      const now = { lost: one.packetsLost ?? 0, received: one.packetsReceived ?? 0 };
      const [lost, received] = [now.lost - before.lost, now.received - before.received];
      before = now;
      return lost <= 0 ? 0 : lost / Math.max(1, lost + received);
    }
    return 0;
  };
}

function playMse(video: HTMLVideoElement, base: string, onEnd: () => void): Promise<Full> {
  if (!("MediaSource" in window)) return Promise.reject(new Error("this browser plays no such video"));
  const socket = new WebSocket(`${base.replace(/^http/, "ws")}/mse`);
  socket.binaryType = "arraybuffer";
  const media = new MediaSource();
  const url = URL.createObjectURL(media);
  const waiting: ArrayBuffer[] = [];
  let buffer: SourceBuffer | null = null;
  video.src = url;
  const feed = (): void => {
    if (buffer === null || buffer.updating || media.readyState !== "open") return;
    const ranges = buffer.buffered;
    const end = ranges.length === 0 ? 0 : ranges.end(ranges.length - 1);
    if (end - video.currentTime > MOST_BEHIND_S) video.currentTime = Math.max(0, end - 0.1);
    if (ranges.length > 0 && end - ranges.start(0) > 2 * KEPT_S) return buffer.remove(0, end - KEPT_S);
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
  socket.onclose = () => onEnd();
  void video.play().catch(() => undefined);
  const stop = (): void => {
    socket.onclose = null;
    socket.close();
    URL.revokeObjectURL(url);
    video.removeAttribute("src");
    video.load();
  };
  return Promise.resolve({ lost: () => Promise.resolve(0), stop });
}
