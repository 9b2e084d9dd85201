// What a drone's analyst found in its picture, asked for while the picture is shown.

import { useEffect, useState } from "preact/hooks";
import { act, get, path } from "../api/client.ts";
import { type Look, setLook } from "./looks.ts";

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Over the ground; each figure with one standard deviation. No direction where it is not told from standing still. */
export interface Motion {
  readonly speed_mps: number;
  readonly speed_sigma_mps: number;
  readonly direction_deg: number | null;
  readonly direction_sigma_deg: number | null;
}

/** A place, as far as it is known: 95 in 100 lie within. */
export interface Place {
  readonly ellipse: { readonly semi_major_m: number };
}

export interface Track {
  readonly track_id: number;
  readonly shape: string;
  readonly box: Box;
  readonly quality: string;
  readonly reason: string;
  readonly motion: Motion | null;
  readonly place: Place | null;
}

export interface Found {
  readonly sequence: number;
  readonly width_px: number;
  readonly height_px: number;
  readonly tracks: readonly Track[];
  readonly looks_at: {
    readonly position: { readonly latitude_deg: number; readonly longitude_deg: number };
    readonly ellipse: { readonly semi_major_m: number; readonly semi_minor_m: number; readonly bearing_deg: number };
  } | null;
  readonly near: readonly { readonly name: string; readonly distance_m: number }[];
  /** Names of streets in the picture, in shares of its width and height. */
  readonly names: readonly { readonly name: string; readonly x: number; readonly y: number }[];
  readonly follow: {
    readonly phase: string;
    readonly quality: string;
    readonly reason: string;
    readonly unseen_s: number;
    readonly shape: string | null;
    readonly motion: Motion | null;
    readonly place: Place | null;
    readonly box: Box | null;
    readonly candidates: readonly { readonly track_id: number; readonly box: Box }[];
  } | null;
  readonly follow_id: string;
  readonly ends_at: number | string;
  readonly asks: boolean;
  readonly authorisation_id: string;
  readonly camera: string;
  readonly camera_trouble: string;
  readonly vehicle: string | null;
  /** Why the last follow is over, for half a minute. */
  readonly ended: string | null;
  readonly trouble: string;
}

const EVERY_MS = 300;
/** For a picture that is one of many. */
export const SELDOM_MS = 1_000;

/** What was found last, and with it where the drone looks, which the map shows too. */
export function useFound(mission: string | null, vehicle: string, every = EVERY_MS): Found | null {
  const [found, setFound] = useState<Found | null>(null);
  useEffect(() => {
    if (mission === null) return undefined;
    let here = true;
    let timer = 0;
    const ask = async (): Promise<void> => {
      try {
        const latest = await get<Found>(path("missions", mission, "found"));
        if (!here) return;
        setFound(latest);
        setLook(vehicle, lookOf(latest));
      } catch {
        if (!here) return;
        setFound(null);
        setLook(vehicle, null);
      }
      timer = window.setTimeout(() => void ask(), every);
    };
    void ask();
    return () => {
      here = false;
      window.clearTimeout(timer);
      setFound(null);
      setLook(vehicle, null);
    };
  }, [mission, vehicle, every]);
  return found;
}

export function lookOf(found: Found | null): Look | null {
  const place = found?.looks_at ?? null;
  return place === null ? null : { lat: place.position.latitude_deg, lon: place.position.longitude_deg, ...place.ellipse };
}

export const follow = (mission: string, x: number, y: number, sequence: number): Promise<unknown> =>
  act("POST", path("missions", mission, "follow"), { x, y, sequence });
export const chooseSubject = (id: string, track: number): Promise<unknown> => act("POST", path("follows", id, "choose"), { track_id: track });
export const letGo = (id: string): Promise<unknown> => act("POST", path("follows", id, "end"));
export const consent = (id: string): Promise<unknown> => act("POST", path("follows", id, "consent"));
export const revoke = (id: string): Promise<unknown> => act("DELETE", path("follows", id, "consent"));

const POINTS = ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"];

/** Speed and direction, and how well they are known; what is not known is not said. */
export function motionInWords(motion: Motion | null): string {
  if (motion === null) return "speed not known";
  const speed = `${motion.speed_mps.toFixed(1)} ± ${(2 * motion.speed_sigma_mps).toFixed(1)} m/s`;
  if (motion.direction_deg === null) return `${speed}, no direction told from standing still`;
  const point = POINTS[Math.round(motion.direction_deg / 45) % 8] ?? "north";
  const about = motion.direction_sigma_deg === null ? "" : ` ± ${Math.round(2 * motion.direction_sigma_deg)}°`;
  return `${speed} to the ${point} (${Math.round(motion.direction_deg)}°${about})`;
}

export function placeInWords(place: Place | null): string {
  return place === null ? "place not known" : `place known to ${Math.max(1, Math.round(place.ellipse.semi_major_m))} m`;
}

/** What a box says, short enough for a picture. */
export function caption(track: Track): string {
  const speed = track.motion === null || track.motion.speed_mps < 0.3 ? "" : ` ${track.motion.speed_mps.toFixed(1)} m/s`;
  const known = track.place === null ? "" : ` ±${Math.max(1, Math.round(track.place.ellipse.semi_major_m))} m`;
  return `${track.shape}${speed}${known}`;
}
