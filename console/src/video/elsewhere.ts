// Pictures of a media server: this program lets viewers in and keeps the record, the other one sends.

import { act, Problem, path } from "../api/client.ts";
import { type Playing, playWhep } from "./whep.ts";

interface Begun {
  readonly viewing_id: string;
  readonly whep: string;
  readonly token: string;
  readonly renew_s: number;
}

/** Raises when it cannot be had. The picture ends when the record of it cannot go on. */
export async function playElsewhere(source: string, onEnd: () => void): Promise<Playing> {
  const begun = await act<Begun>("POST", path("video", source, "viewings"));
  const leave = (): void => void act("DELETE", path("video", "viewings", begun.viewing_id)).catch(() => undefined);
  let playing: Playing;
  try {
    const headers: Record<string, string> = begun.token === "" ? {} : { Authorization: `Bearer ${begun.token}` };
    playing = await playWhep({ url: new URL(begun.whep), headers }, onEnd);
  } catch (error) {
    leave();
    throw new Error(error instanceof TypeError ? "the media server does not answer" : error instanceof Error ? error.message : "");
  }
  const renewing = window.setInterval(() => {
    act("POST", path("video", "viewings", begun.viewing_id, "renew")).catch((error: unknown) => {
      if (error instanceof Problem && !error.unanswered) onEnd(); // it may not be seen any more
    });
  }, begun.renew_s * 1000);
  return {
    stream: playing.stream,
    session: begun.viewing_id,
    stop: () => {
      window.clearInterval(renewing);
      playing.stop();
      leave();
    },
  };
}
