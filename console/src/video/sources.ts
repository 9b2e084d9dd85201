// Which sources of video there are, asked for while something shows them.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type VideoSource, videoSources } from "../api/deeds.ts";
import { allowed } from "../session.ts";

const EVERY_MS = 2_000;

export const sources = signal<readonly VideoSource[] | null>(null);
let users = 0;
let timer = 0;

async function ask(): Promise<void> {
  try {
    const found = await videoSources();
    if (JSON.stringify(found.map(shape)) !== JSON.stringify((sources.peek() ?? []).map(shape)) || sources.peek() === null) sources.value = found;
  } catch {
    // The connection's own banner says so; what was known stands until it is back.
  }
  if (users > 0) timer = window.setTimeout(() => void ask(), EVERY_MS);
}

/** What a panel draws; figures that change with every picture are no reason to draw again. */
function shape(one: VideoSource): unknown {
  return [one.source_id, one.shown, one.recording, one.why, one.viewers, one.elsewhere, one.stream.state, one.stream.trouble];
}

/** Keep `sources` fresh while the component is there. */
export function useSources(): readonly VideoSource[] | null {
  useEffect(() => {
    if (!allowed("watch")) return undefined;
    users += 1;
    if (users === 1) void ask();
    return () => {
      users -= 1;
      if (users === 0) window.clearTimeout(timer);
    };
  }, []);
  return sources.value;
}
