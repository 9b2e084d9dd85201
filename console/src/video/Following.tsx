// Whom a drone follows, how well it is held, what camera and vehicle do about it; buttons for the pilot, so that no choice needs a mouse.

import { utcTime } from "../format.ts";
import { Button } from "../parts/controls.tsx";
import { chooseSubject, consent, type Found, letGo, motionInWords, placeInWords, revoke, type Track } from "./found.ts";

const PHASES: Record<string, string> = {
  held: "in sight",
  coasting: "out of sight, its place is reckoned",
  asking: "several fit",
  lost: "lost",
  idle: "not begun",
};

/** Why a follow is over, and what to do. */
const ENDED: Record<string, string> = {
  "by-pilot": "you let go",
  "incident-closed": "its incident is closed",
  "no-authority": "its time is up. An authorising officer can give more",
  "authority-withdrawn": "the authority for it was taken back",
  "drone-turned": "its drone was given another incident",
  lost: "the subject is lost. Find it in the picture and press on it again",
  "not-begun": "there was nothing to hold on to where you pressed. Press on a person or a vehicle",
};

/** How well a shape is held, the best first. */
const HELD = ["good", "weak", "coasting", "lost"];

/** So many shapes are offered as buttons; more would be no choice. */
const MOST_OFFERED = 8;

export interface FollowingProps {
  readonly found: Found;
  readonly mine: boolean;
  /** Follow what stands there, in shares of the picture. */
  readonly pick: ((x: number, y: number) => void) | undefined;
  readonly give: (kind: "subject" | "vehicle", act: () => Promise<unknown>) => void;
}

export function Following({ found, mine, pick, give }: FollowingProps) {
  if (found.follow_id === "") return mine && pick !== undefined ? <Offer found={found} pick={pick} /> : null;
  const until = typeof found.ends_at === "number" ? found.ends_at : Date.parse(found.ends_at);
  const followed = found.follow;
  const held = followed?.phase === "held" || followed?.phase === "coasting";
  const waits = found.asks || found.camera_trouble !== "" || followed?.phase === "asking" || followed?.phase === "lost";
  return (
    <section class={waits ? "note waits" : "note"} aria-label="Follow">
      <p role="status">
        <strong>Follow: {followed === null ? "begins" : (PHASES[followed.phase] ?? followed.phase)}.</strong> Until {utcTime(until)} UTC
        {found.authorisation_id === "" ? "" : ", by authority"}.
        {found.asks ? " The time is nearly up: ask an authorising officer, or it ends." : ""}
      </p>
      {followed === null ? null : (
        <dl class="facts">
          <div>
            <dt>Held</dt>
            <dd>
              {followed.quality}: {followed.reason}
            </dd>
          </div>
          <div>
            <dt>Moves</dt>
            <dd>
              {motionInWords(followed.motion)}; {placeInWords(followed.place)}
            </dd>
          </div>
          <div>
            <dt>Camera</dt>
            <dd>{found.camera_trouble === "" ? found.camera || "it has not been turned yet" : `trouble: ${found.camera_trouble}. Turn it by hand.`}</dd>
          </div>
          <div>
            <dt>Vehicle</dt>
            <dd>{found.vehicle ?? (mine ? "it stays, for you have not consented" : "it stays, its pilot has not consented")}</dd>
          </div>
        </dl>
      )}
      {mine ? (
        <div class="actions">
          {followed?.candidates.map((one) => (
            <Button key={one.track_id} onPress={() => give("subject", () => chooseSubject(found.follow_id, one.track_id))}>
              {`It is ${one.track_id}`}
            </Button>
          ))}
          {found.vehicle === null ? (
            held && <Button onPress={() => give("vehicle", () => consent(found.follow_id))}>Let the vehicle follow</Button>
          ) : (
            <Button onPress={() => give("vehicle", () => revoke(found.follow_id))} look="grave">
              Stop the vehicle
            </Button>
          )}
          <Button onPress={() => give("subject", () => letGo(found.follow_id))}>Stop following</Button>
        </div>
      ) : null}
    </section>
  );
}

/** Whom to follow, without a mouse too. */
function Offer({ found, pick }: { found: Found; pick: (x: number, y: number) => void }) {
  return (
    <div role="group" aria-label="Whom to follow">
      <p role="status">{found.ended === null ? "" : `The follow is over: ${ENDED[found.ended] ?? found.ended}.`}</p>
      <p class="soft">{shapesInWords(found.tracks.length)}</p>
      <div class="chips">
        {offered(found.tracks).map((one) => (
          <button
            key={one.track_id}
            type="button"
            class="chip"
            onClick={() => pick((one.box.left + one.box.width / 2) / found.width_px, (one.box.top + one.box.height / 2) / found.height_px)}
          >
            {`Follow ${one.shape} ${one.track_id}`}
          </button>
        ))}
      </div>
    </div>
  );
}

function shapesInWords(count: number): string {
  if (count === 0) return "To follow a person or a vehicle, press on it in the picture; zoom in on somebody small first. What moves is found by itself while the drone hovers.";
  return `${count === 1 ? "One shape" : `${count} shapes`} found. Press on one in the picture to follow it, or choose:`;
}

/** Those that are held well first; each keeps its place in the row while it is there. */
function offered(tracks: readonly Track[]): Track[] {
  return [...tracks]
    .sort((a, b) => HELD.indexOf(a.quality) - HELD.indexOf(b.quality) || a.track_id - b.track_id)
    .slice(0, MOST_OFFERED)
    .sort((a, b) => a.track_id - b.track_id);
}
