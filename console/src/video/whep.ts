// Live pictures by WebRTC (WHEP): one offer, one answer, all candidates in them.

import { csrf, path } from "../api/client.ts";
import { CONNECT_MS, connected, gathered } from "./peer.ts";

const LEAVE_MS = 1_000;

export interface Playing {
  /** What to put into a video element. */
  readonly stream: MediaStream;
  /** Names the viewing among one's own; "" where another server answers. */
  readonly session: string;
  /** End it, here and there. */
  stop(): void;
}

/** Where an offer goes, and what it is sent with. */
export interface Endpoint {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

export const here = (source: string): Endpoint => ({
  url: new URL(`api/v1/${path("video", ...source.split("/"), "whep")}`, document.baseURI),
  headers: { "X-Bowstreet-CSRF": csrf.value },
});

/** Raises when it cannot be had. `onEnd` is told when it has ended by itself. */
export async function playWhep(endpoint: Endpoint, onEnd: () => void): Promise<Playing> {
  if (typeof RTCPeerConnection === "undefined") throw new Error("this browser has no WebRTC");
  const peer = new RTCPeerConnection();
  let resource = "";
  let over = false;
  const stop = (): void => {
    if (over) return;
    over = true;
    peer.onconnectionstatechange = null;
    if (resource === "") return peer.close();
    // It is said before the connection ends: else the other side sees it end first, and there is nothing left to delete.
    const said = fetch(resource, { method: "DELETE", headers: endpoint.headers, keepalive: true, signal: AbortSignal.timeout(LEAVE_MS) });
    void said.catch(() => undefined).finally(() => peer.close());
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
    const response = await fetch(endpoint.url, {
      method: "POST",
      headers: { ...endpoint.headers, "Content-Type": "application/sdp" },
      body: peer.localDescription?.sdp ?? "",
      signal: AbortSignal.timeout(CONNECT_MS),
    });
    if (!response.ok) throw new Error(await why(response));
    const place = response.headers.get("Location") ?? "";
    resource = place === "" ? "" : new URL(place, endpoint.url).href;
    await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
    await connected(peer);
    const stream = await tracked;
    peer.onconnectionstatechange = () => {
      if (["failed", "closed", "disconnected"].includes(peer.connectionState)) onEnd();
    };
    return { stream, session: resource.split("/").at(-1) ?? "", stop };
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
    return response.statusText || `the server answered ${response.status}`;
  }
}
