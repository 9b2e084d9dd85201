// Has a picture played into a video element, and tried again while it is open: WebRTC first, MP4 where that finds no way; from a media
// server where one is configured.

import { type RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, path } from "../api/client.ts";
import { playElsewhere } from "./elsewhere.ts";
import { playMse } from "./mse.ts";
import { here, playWhep } from "./whep.ts";

const AGAIN_MS = 2_000;
const MOST_AGAIN_MS = 30_000;
const LOOK_MS = 2_000;

export type Way = "connecting" | "WebRTC" | "MP4" | "none";

export interface Play {
  readonly way: Way;
  /** Why there is none, when there is none. */
  readonly why: string;
  /** The viewing among one's own; "" while there is none. */
  readonly session: string;
  /** What a player's time is ahead of its source's own, microseconds. */
  readonly offset_us: number;
}

const NOT_YET: Play = { way: "connecting", why: "", session: "", offset_us: 0 };

/** `source` is a source's id, or `incident/ID`: whatever shows that incident. */
export function usePlayer(video: RefObject<HTMLVideoElement | null>, source: string, elsewhere: boolean): Play {
  const [play, setPlay] = useState<Play>(NOT_YET);
  useEffect(() => {
    const shown = video.current;
    if (shown === null) return undefined;
    const playing = new Playback(shown, source, elsewhere, setPlay);
    void playing.begin();
    return () => playing.close();
  }, [source, elsewhere]);
  return play;
}

class Playback {
  private readonly video: HTMLVideoElement;
  private readonly source: string;
  private readonly elsewhere: boolean;
  private readonly tell: (play: Play) => void;
  private open = true;
  private failures = 0;
  private timer = 0;
  private looking = 0;
  private stop: () => void = () => undefined;

  constructor(video: HTMLVideoElement, source: string, elsewhere: boolean, tell: (play: Play) => void) {
    this.video = video;
    this.source = source;
    this.elsewhere = elsewhere;
    this.tell = (play) => (this.open ? tell(play) : undefined);
  }

  close(): void {
    this.open = false;
    window.clearTimeout(this.timer);
    window.clearInterval(this.looking);
    this.end();
  }

  async begin(): Promise<void> {
    try {
      await (this.elsewhere ? this.fromElsewhere() : this.byWebRtc());
    } catch (error) {
      const why = error instanceof Error ? error.message : "";
      if (!this.open) return;
      if (this.elsewhere) this.failed(why);
      else this.byMp4(why);
    }
  }

  private async byWebRtc(): Promise<void> {
    const playing = await playWhep(here(this.source), () => this.again());
    if (!this.open) return playing.stop();
    this.show(playing.stream, playing.stop);
    this.tell({ way: "WebRTC", why: "", session: playing.session, offset_us: 0 });
  }

  private async fromElsewhere(): Promise<void> {
    const source = await this.named();
    const playing = await playElsewhere(source, () => this.again());
    if (!this.open) return playing.stop();
    this.show(playing.stream, playing.stop);
    this.tell({ way: "WebRTC", why: "", session: playing.session, offset_us: 0 });
    if (source === this.source) return;
    this.looking = window.setInterval(() => {
      this.named().then((now) => (now === source ? undefined : this.again(0)), () => undefined);
    }, LOOK_MS);
  }

  /** Which source that is now. */
  private async named(): Promise<string> {
    const [kind, incident] = this.source.split("/");
    if (kind !== "incident" || incident === undefined) return this.source;
    return (await get<{ source_id: string }>(path("incidents", incident, "picture"), true)).source_id;
  }

  private show(stream: MediaStream, stop: () => void): void {
    this.failures = 0;
    this.stop = () => {
      stop();
      this.video.srcObject = null;
    };
    this.video.srcObject = stream;
    void this.video.play().catch(() => undefined);
  }

  private byMp4(whyNotWebRtc: string): void {
    this.stop = playMse(this.video, this.source, {
      onSource: (session, offset_us) => {
        this.failures = 0;
        this.tell({ way: "MP4", why: "", session, offset_us });
      },
      onEnd: (_, why) => this.failed(why || whyNotWebRtc),
    });
    void this.video.play().catch(() => undefined);
  }

  private failed(why: string): void {
    this.failures += 1;
    this.tell({ ...NOT_YET, way: "none", why });
    this.again(Math.min(MOST_AGAIN_MS, AGAIN_MS * 2 ** (this.failures - 1)), true);
  }

  private again(after = AGAIN_MS, told = false): void {
    this.end();
    window.clearInterval(this.looking);
    if (!this.open) return;
    if (!told) this.tell(NOT_YET);
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.begin(), after);
  }

  private end(): void {
    const stop = this.stop;
    this.stop = () => undefined;
    stop();
  }
}
