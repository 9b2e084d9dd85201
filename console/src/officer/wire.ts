// What the program says to a phone: console/officer/views.py, and the messages of console/officer/socket.py.

export interface Place {
  readonly lat: number;
  readonly lon: number;
}

export interface Scene {
  readonly grade: string;
  readonly category: string;
  readonly at: Place;
  readonly state: string;
  readonly opened_at: string;
  readonly eyes_on_at: string | null;
}

export interface Watcher {
  readonly name: string;
  readonly at: Place | null;
  readonly heading_deg: number;
  readonly height_m: number;
  readonly eyes_on: boolean;
  readonly eta_at: string | null;
}

export interface Subject {
  readonly lock: "nobody" | "seen" | "unseen" | "lost";
  readonly shape: string;
  readonly at: Place | null;
  readonly within_m: number;
  readonly speed_mps: number;
  readonly direction_deg: number | null;
  readonly unseen_s: number;
}

export interface PictureState {
  readonly shown: boolean;
  readonly why: string;
  readonly kbps: number;
  readonly webrtc: boolean;
}

export type AlertKind =
  | "eyes-on" | "no-eyes" | "handed-over" | "picture-lost" | "picture-back" | "followed" | "moves" | "stops" | "turns" | "lost" | "found" | "ends-soon";

export interface Alert {
  readonly seq: number;
  readonly at: string;
  readonly kind: AlertKind;
}

/** Moments are by the operation's clock, which a demo runs `speed` times as fast; `expires_at` alone is by the one on the wall. */
export interface State {
  readonly now: string;
  readonly speed: number;
  readonly scene: Scene;
  readonly watcher: Watcher | null;
  readonly subject: Subject;
  readonly picture: PictureState;
  readonly alerts: readonly Alert[];
  readonly expires_at: string;
}

export interface Link {
  readonly link_id: string;
  readonly recipient: string;
  readonly purpose: string;
  readonly expires_at: string;
  readonly words: boolean;
  readonly operator: string;
}

export interface Opened {
  readonly link: Link;
  readonly state: State;
}

/** A small picture: when it was taken and sent, by the program's clock, and its JPEG. Null for what is none. */
export interface Still {
  readonly takenMs: number;
  readonly sentMs: number;
  readonly jpeg: Uint8Array<ArrayBuffer>;
}

const HEAD_BYTES = 16;

export function readStill(data: ArrayBuffer): Still | null {
  if (data.byteLength <= HEAD_BYTES) return null;
  const view = new DataView(data);
  return { takenMs: view.getFloat64(0), sentMs: view.getFloat64(8), jpeg: new Uint8Array(data, HEAD_BYTES) };
}
