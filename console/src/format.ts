// Times, lengths and angles as text. Everything is 24 h, and a UTC time always says so.

import type { Millis } from "./feed/wire.ts";

const two = (value: number): string => String(value).padStart(2, "0");

/** `15:04:05`, UTC. */
export function utcTime(at: Millis): string {
  const time = new Date(at);
  return Number.isFinite(at) ? `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}` : "–";
}

/** `2026-11-23 15:04:05Z`. */
export function utcDateTime(at: Millis): string {
  return Number.isFinite(at) ? `${new Date(at).toISOString().slice(0, 10)} ${utcTime(at)}Z` : "–";
}

export function utcDate(at: Millis): string {
  return new Date(at).toLocaleDateString("en-GB", { timeZone: "UTC", weekday: "short", day: "2-digit", month: "short", year: "numeric" });
}

/** `15:04:05 GMT` in the zone of this machine, or in `timeZone`. */
export function localTime(at: Millis, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone };
  const style = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" } as const;
  return new Date(at).toLocaleTimeString("en-GB", { ...style, ...zone });
}

/** What stands beside the UTC time: the date, and the time here when that is another. */
export function besideUtc(at: Millis, timeZone?: string): string {
  const here = localTime(at, timeZone);
  return here.startsWith(utcTime(at)) ? utcDate(at) : `${here} · ${utcDate(at)}`;
}

/** A time as a length: `0:42`, `12:05`, `3:07:09`; negative ones with a minus sign. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.floor(Math.abs(seconds));
  const sign = seconds < 0 && whole > 0 ? "−" : "";
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return sign + (hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`);
}

/** The same for a screen reader and for ISO attributes: `2 minutes 5 seconds`. */
export function spokenDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts: [number, string][] = [[Math.floor(whole / 3600), "hour"], [Math.floor((whole % 3600) / 60), "minute"], [whole % 60, "second"]];
  const said = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`);
  return said.join(" ") || "0 seconds";
}

export function percent(fraction: number | null): string {
  return fraction === null || !Number.isFinite(fraction) ? "–" : `${Math.round(fraction * 100)}%`;
}

export function degrees(value: number): string {
  return `${String(((Math.round(value) % 360) + 360) % 360).padStart(3, "0")}°`;
}

const COMPASS = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"];

export function compass(deg: number): string {
  return COMPASS[((Math.round(deg / 22.5) % 16) + 16) % 16] ?? "";
}

/** `51.54321, −0.10200`: about a metre. */
export function position(lat: number, lon: number): string {
  return `${lat.toFixed(5)}, ${lon.toFixed(5).replace("-", "−")}`;
}

/** Two numbers out of what a person typed or pasted: `51.5432, -0.1020`, `51.5432 −0.1020`. Null when it is no place on Earth. */
export function parsePosition(text: string): { lat: number; lon: number } | null {
  const match = /^\s*([-−+]?\d{1,2}(?:\.\d+)?)\s*°?\s*[,;\s]\s*([-−+]?\d{1,3}(?:\.\d+)?)\s*°?\s*$/.exec(text);
  if (match === null) return null;
  const [lat, lon] = [match[1], match[2]].map((part) => Number((part ?? "").replace("−", "-")));
  if (lat === undefined || lon === undefined || Math.abs(lat) > 90 || Math.abs(lon) > 180) return null;
  return { lat, lon };
}

export function metres(value: number): string {
  return Math.abs(value) >= 1000 ? `${(value / 1000).toFixed(1)} km` : `${Math.round(value)} m`;
}

/** A zoom: 2×, 1.5×. */
export function times(factor: number): string {
  return `${Number(factor.toFixed(1))}×`;
}

/** Number of things with its noun: `1 drone`, `3 drones`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number.toLocaleString("en-GB")} ${number === 1 ? noun : plural}`;
}

/** With its first letter large: codes and reasons come as parts of sentences. */
export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
