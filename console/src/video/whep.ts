// Live pictures by WebRTC (WHEP): one offer, one answer, all candidates in them.

import { csrf, path } from "../api/client.ts";

const GATHER_MS = 2_000;
const CONNECT_MS = 8_000;

export interface Playing {
  /** What to put into a video element. */
  readonly stream: MediaStream;
  /** End it, here and there. */
  stop(): void;
}

/** Raises when it cannot be had; then there is MP4 by WebSocket. */
export async function playWhep(source: string, onEnd: () => void): Promise<Playing> {
  const peer = new RTCPeerConnection();
  let resource = "";
  const stop = (): void => {
    peer.close();
    if (resource !== "") void fetch(resource, { method: "DELETE", headers: { "X-Bowstreet-CSRF": csrf.value }, keepalive: true });
    resource = "";
  };
  try {
    const tracked = new Promise<MediaStream>((resolve) => {
      peer.ontrack = ({ track, receiver }) => {
        // A control room looks at what is, not at what is smooth.
        if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
        resolve(new MediaStream([track]));
      };
    });
    peer.addTransceiver("video", { direction: "recvonly" });
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const response = await fetch(new URL(`api/v1/${path("video", ...source.split("/"), "whep")}`, document.baseURI), {
      method: "POST",
      headers: { "Content-Type": "application/sdp", "X-Bowstreet-CSRF": csrf.value },
      body: peer.localDescription?.sdp ?? "",
      signal: AbortSignal.timeout(CONNECT_MS),
    });
    if (!response.ok) throw new Error(await why(response));
    resource = response.headers.get("Location") ?? "";
    await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
    await connected(peer);
    const stream = await tracked;
    peer.onconnectionstatechange = () => {
      if (["failed", "closed", "disconnected"].includes(peer.connectionState)) onEnd();
    };
    return { stream, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

async function why(response: Response): Promise<string> {
  try {
    const said = (await response.json()) as { detail?: string };
    return said.detail ?? response.statusText;
  } catch {
    return response.statusText;
  }
}

function gathered(peer: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    if (peer.iceGatheringState === "complete") return resolve();
    const timer = setTimeout(resolve, GATHER_MS);
    peer.addEventListener("icegatheringstatechange", () => {
      if (peer.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    });
  });
}

function connected(peer: RTCPeerConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no way to the picture was found")), CONNECT_MS);
    const look = (): void => {
      if (peer.connectionState === "connected") {
        clearTimeout(timer);
        resolve();
      } else if (peer.connectionState === "failed" || peer.connectionState === "closed") {
        clearTimeout(timer);
        reject(new Error("the connection failed"));
      }
    };
    peer.addEventListener("connectionstatechange", look);
    look();
  });
}
