// What a drone's analyst found in its picture, asked for while the picture is shown.

import { useEffect, useState } from "preact/hooks";
import { act, get, path } from "../api/client.ts";

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Track {
  readonly track_id: number;
  readonly shape: string;
  readonly box: Box;
  readonly quality: string;
  readonly reason: string;
  readonly motion: { readonly speed_mps: number } | null;
  readonly place: { readonly ellipse: { readonly semi_major_m: number } } | null;
}

export interface Found {
  readonly sequence: number;
  readonly width_px: number;
  readonly height_px: number;
  readonly tracks: readonly Track[];
  readonly follow: {
    readonly phase: string;
    readonly reason: string;
    readonly box: Box | null;
    readonly candidates: readonly { readonly track_id: number; readonly box: Box }[];
  } | null;
  readonly follow_id: string;
  readonly ends_at: number | string;
  readonly asks: boolean;
  readonly trouble: string;
}

const EVERY_MS = 300;

export function useFound(mission: string | null): Found | null {
  const [found, setFound] = useState<Found | null>(null);
  useEffect(() => {
    if (mission === null) return undefined;
    let here = true;
    let timer = 0;
    const ask = async (): Promise<void> => {
      try {
        const latest = await get<Found>(path("missions", mission, "found"));
        if (here) setFound(latest);
      } catch {
        if (here) setFound(null);
      }
      if (here) timer = window.setTimeout(() => void ask(), EVERY_MS);
    };
    void ask();
    return () => {
      here = false;
      window.clearTimeout(timer);
    };
  }, [mission]);
  return found;
}

export const follow = (mission: string, x: number, y: number, sequence: number): Promise<unknown> =>
  act("POST", path("missions", mission, "follow"), { x, y, sequence });
export const chooseSubject = (id: string, track: number): Promise<unknown> => act("POST", path("follows", id, "choose"), { track_id: track });
export const letGo = (id: string): Promise<unknown> => act("POST", path("follows", id, "end"));

/** What a box says, short enough for a picture. */
export function caption(track: Track): string {
  const speed = track.motion === null || track.motion.speed_mps < 0.3 ? "" : ` ${track.motion.speed_mps.toFixed(1)} m/s`;
  const known = track.place === null ? "" : ` ±${Math.max(1, Math.round(track.place.ellipse.semi_major_m))} m`;
  return `${track.shape}${speed}${known}`;
}
