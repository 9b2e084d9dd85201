// A live picture: WebRTC first, MP4 where that finds no way; tried again while it is open. How old it is stands on it.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../parts/controls.tsx";
import { playMse } from "./mse.ts";
import { playWhep } from "./whep.ts";

const AGAIN_MS = 2_000;
const ZOOMS = [1, 2, 4] as const;
type Way = "connecting" | "WebRTC" | "MP4" | "none";

export interface PictureProps {
  readonly source: string;
  readonly label: string;
  /** Drawn over the picture, and zoomed with it. */
  readonly children?: ComponentChildren;
  /** Told where in the picture somebody pressed, in shares of its width and height; without it a press zooms there. */
  readonly onPick?: ((x: number, y: number) => void) | undefined;
}

export function Picture({ source, label, children, onPick }: PictureProps) {
  const video = useRef<HTMLVideoElement>(null);
  const [way, setWay] = useState<Way>("connecting");
  const [why, setWhy] = useState("");
  const [zoom, setZoom] = useState(0);
  const [at, setAt] = useState({ x: 50, y: 50 });

  useEffect(() => {
    let here = true;
    let stop = (): void => undefined;
    let timer = 0;
    const again = (): void => {
      stop();
      stop = () => undefined;
      if (!here) return;
      setWay("connecting");
      window.clearTimeout(timer);
      timer = window.setTimeout(() => void begin(), AGAIN_MS);
    };
    const begin = async (): Promise<void> => {
      const shown = video.current;
      if (!here || shown === null) return;
      try {
        const playing = await playWhep(source, again);
        if (!here) return playing.stop();
        stop = () => {
          playing.stop();
          shown.srcObject = null;
        };
        shown.srcObject = playing.stream;
        setWay("WebRTC");
        setWhy("");
      } catch (error) {
        if (!here) return;
        setWhy(error instanceof Error ? error.message : "");
        let began = false;
        stop = playMse(shown, source, () => {
          if (!began) setWay("none");
          again();
        });
        shown.onloadeddata = () => {
          began = true;
          setWay("MP4");
          setWhy("");
        };
      }
      void shown.play().catch(() => undefined);
    };
    void begin();
    return () => {
      here = false;
      window.clearTimeout(timer);
      stop();
    };
  }, [source]);

  const scale = ZOOMS[zoom] ?? 1;
  return (
    <figure class="picture" aria-label={label}>
      <div
        class="picture-frame"
        onClick={(event) => {
          if (onPick !== undefined) {
            const place = placeIn(video.current, event);
            if (place !== null) onPick(place.x, place.y);
            return;
          }
          const box = event.currentTarget.getBoundingClientRect();
          setAt({ x: ((event.clientX - box.left) / box.width) * 100, y: ((event.clientY - box.top) / box.height) * 100 });
        }}
      >
        <div class={onPick === undefined ? "picture-layers" : "picture-layers picks"} style={{ transform: `scale(${scale})`, transformOrigin: `${at.x}% ${at.y}%` }}>
          <video ref={video} muted autoplay playsInline disablePictureInPicture aria-label={label} />
          {children}
        </div>
        {way === "WebRTC" || way === "MP4" ? null : (
          <p class="picture-wait" role="status">
            {why === "" ? "Connecting to the picture…" : `No picture: ${why}`}
          </p>
        )}
      </div>
      <figcaption class="picture-bar">
        <span class="soft num">{way === "WebRTC" || way === "MP4" ? `Live, ${way}` : ""}</span>
        <span class="actions">
          <Button onPress={() => setZoom((zoom + 1) % ZOOMS.length)} look="plain">
            {`Zoom ${scale}×`}
          </Button>
          <Button onPress={() => snapshot(video.current, label)} look="plain" why={way === "WebRTC" || way === "MP4" ? "" : "There is no picture."}>
            Snapshot
          </Button>
        </span>
      </figcaption>
    </figure>
  );
}

/** What is seen now, as a file. What is evidence is the recording, not this. */
export function snapshot(video: HTMLVideoElement | null, label: string): void {
  if (video === null || video.videoWidth === 0) return;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  canvas.toBlob((blob) => {
    if (blob === null) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${label.replaceAll(/\W+/g, "-")}-${new Date().toISOString().replaceAll(":", "")}.jpg`;
    link.click();
    URL.revokeObjectURL(link.href);
  }, "image/jpeg");
}

/** Where in the picture itself a press was, whatever stands beside it in the frame; null beside it. */
function placeIn(video: HTMLVideoElement | null, event: MouseEvent): { x: number; y: number } | null {
  if (video === null || video.videoWidth === 0) return null;
  const box = video.getBoundingClientRect();
  const scale = Math.min(box.width / video.videoWidth, box.height / video.videoHeight);
  const x = (event.clientX - box.left - (box.width - video.videoWidth * scale) / 2) / (video.videoWidth * scale);
  const y = (event.clientY - box.top - (box.height - video.videoHeight * scale) / 2) / (video.videoHeight * scale);
  return x < 0 || x > 1 || y < 0 || y > 1 ? null : { x, y };
}
