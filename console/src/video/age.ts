// How old what a video element shows is, kept up while it is there.

import { type RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Age, Pictures } from "./latency.ts";
import type { Play } from "./player.ts";
import { hear, type Viewing } from "./watching.ts";

const EVERY_MS = 500;
/** Times in an MP4 file are rounded on their way through a player; half a picture apart is another picture. */
const MP4_SLACK_US = 2_000;

export interface Seen {
  readonly age: Age;
  /** Of which drone, and as which viewing on the record; null before the server has told it. */
  readonly viewing: Viewing | null;
}

interface Shown extends VideoFrameCallbackMetadata {
  readonly rtpTimestamp?: number;
}

export function useAge(video: RefObject<HTMLVideoElement | null>, play: Play): Seen {
  const [seen, setSeen] = useState<Seen>({ age: { kind: "none" }, viewing: null });
  const offset = useRef(0);
  offset.current = play.offset_us;
  useEffect(() => {
    const shown = video.current;
    if (shown === null || play.session === "" || !("requestVideoFrameCallback" in shown)) return undefined;
    const pictures = new Pictures(play.way === "MP4" ? MP4_SLACK_US : 0);
    let viewing: Viewing | null = null;
    let request = 0;
    const stamp = (frame: Shown): number | null => (play.way === "MP4" ? Math.round(frame.mediaTime * 1e6) - offset.current : (frame.rtpTimestamp ?? null));
    const look = (_: number, frame: Shown): void => {
      pictures.note(stamp(frame), frame.expectedDisplayTime);
      request = shown.requestVideoFrameCallback(look);
    };
    request = shown.requestVideoFrameCallback(look);
    const quiet = hear(play.session, (told, offset_ms, within_ms) => {
      if (viewing !== null && viewing.viewing_id !== told.viewing_id) pictures.forget();
      viewing = told;
      pictures.take(told.pictures, offset_ms, within_ms, performance.now());
    });
    const timer = window.setInterval(() => {
      if (document.hidden) pictures.wake(performance.now());
      setSeen({ age: pictures.age(performance.now()), viewing });
    }, EVERY_MS);
    return () => {
      quiet();
      window.clearInterval(timer);
      shown.cancelVideoFrameCallback(request);
      setSeen({ age: { kind: "none" }, viewing: null });
    };
  }, [play.session, play.way]);
  return seen;
}
