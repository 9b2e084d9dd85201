// One flight: where it stands, how long its charge lasts, and the hands on it.

import { useId, useState } from "preact/hooks";
import { fly, HEIGHT_M, lookDown, PITCH_DEG, type PilotCommand, RADIUS_M, REASONS_TO_LOOK_DOWN, releaseControl, takeControl } from "../api/deeds.ts";
import { isOver } from "../feed/picture.ts";
import { docks, dronesById, incidents, me } from "../feed/store.ts";
import type { Incident, Mission } from "../feed/wire.ts";
import { capital, degrees, metres, parsePosition, position, times } from "../format.ts";
import { zoomSteps } from "../lens.ts";
import { Charge } from "../parts/charge.tsx";
import { Button, Field, type Orders, Trouble, useOrders } from "../parts/controls.tsx";
import { StateWord } from "../parts/marks.tsx";
import { Age, At, Until } from "../parts/times.tsx";
import { dialog, picking, select } from "../state.ts";
import { LivePicture } from "../video/LivePicture.tsx";
import { phaseWord } from "../words.ts";

export function isMine(mission: Mission): boolean {
  return mission.pilot_account_id !== null && mission.pilot_account_id === me.value?.account_id;
}

/** Take the flight in hand, or hand it back. */
export function toggleControl(mission: Mission): Promise<void> {
  return isMine(mission) ? releaseControl(mission.id) : takeControl(mission.id);
}

/** `of` is the incident whose panel it stands in, if it stands in one. */
export function MissionCard({ mission, of, withDrone = true }: { mission: Mission; of?: Incident; withDrone?: boolean }) {
  const over = isOver(mission);
  const dark = of === undefined ? "" : darkFor(of, mission);
  return (
    <section class={`card mission${isMine(mission) ? " mine" : ""}`} aria-label={`Flight of ${mission.vehicle_id}`}>
      <h3 class="card-head">
        {withDrone ? (
          <button type="button" class="link num" onClick={() => select({ kind: "drone", id: mission.vehicle_id })}>
            {mission.vehicle_id}
          </button>
        ) : (
          "Flight"
        )}
        <StateWord {...phaseWord(mission.phase)} />
        {mission.phase_since === null || over ? null : (
          <span class="soft">
            for <Age since={mission.phase_since} />
          </span>
        )}
      </h3>
      {over ? null : dark === "" ? <LivePicture mission={mission} mine={isMine(mission)} /> : <p class="soft">{dark}</p>}
      <Headline mission={mission} />
      {over ? null : <Live mission={mission} />}
      <Facts mission={mission} />
      {over ? null : <Hands mission={mission} />}
    </section>
  );
}

/** Why an incident's panel shows no picture of a flight that goes on: what it sees now is no longer of that incident. */
function darkFor(incident: Incident, mission: Mission): string {
  if (incident.state === "closed") return "The incident is over: no picture is asked for here.";
  return mission.incident_id === incident.id ? "" : "It serves another incident now: no picture is asked for here.";
}

function Headline({ mission }: { mission: Mission }) {
  if (mission.return_reason !== null) return <p class="note">Goes home: {mission.return_reason.text}</p>;
  if (mission.eyes_on_at !== null) {
    // From the call: a drone that was turned here had taken off for somebody else.
    const reported = incidents.value.get(mission.incident_id)?.reported_at;
    return (
      <p class="headline">
        Eyes on since <At time={mission.eyes_on_at} />
        {reported === undefined ? null : <span class="soft">, {Math.round((mission.eyes_on_at - reported) / 1000)} s after the call</span>}
      </p>
    );
  }
  if (mission.eta_at === null || isOver(mission) || mission.phase === "controlled" || mission.phase === "contingency") return null;
  return (
    <p class="headline">
      Eyes on in{" "}
      <strong class="big">
        <Until at={mission.eta_at} />
      </strong>
    </p>
  );
}

const HOMEWARD = new Set(["returning", "landing"]);

/** What changes with every frame. */
function Live({ mission }: { mission: Mission }) {
  const drone = dronesById.value.get(mission.vehicle_id);
  if (drone === undefined) return null;
  const spent = drone.charge_fraction !== null && drone.charge_fraction < mission.bingo_fraction && !HOMEWARD.has(mission.phase);
  return (
    <div class="live">
      {spent ? <p class="note waits">Its charge is below the {Math.round(mission.bingo_fraction * 100)}% at which it must turn home.</p> : null}
      <Charge fraction={drone.charge_fraction} bingo={mission.bingo_fraction} wide />
      <dl class="figures">
        <div>
          <dt>Height above dock</dt>
          <dd class="num">{metres(drone.height_m_above_dock)}</dd>
        </div>
        <div>
          <dt>Ground speed</dt>
          <dd class="num">{drone.ground_speed_mps.toFixed(1)} m/s</dd>
        </div>
        <div>
          <dt>Heading</dt>
          <dd class="num">{degrees(drone.heading_deg)}</dd>
        </div>
        <div>
          <dt>Turns home at</dt>
          <dd class="num">{Math.round(mission.bingo_fraction * 100)}%</dd>
        </div>
      </dl>
    </div>
  );
}

function Facts({ mission }: { mission: Mission }) {
  const dock = docks.value.get(mission.dock_id);
  return (
    <>
      {mission.reasons.length === 0 ? null : (
        <ul class="reasons">
          {mission.reasons.map((reason) => (
            <li key={reason.code + reason.text}>{capital(reason.text)}</li>
          ))}
        </ul>
      )}
      <p class="soft">
        Authorised by {mission.authorised_by} at <At time={mission.authorised_at} />, from {dock?.name ?? mission.dock_id}
        {mission.diverted_to === null ? "" : `, diverted to ${docks.value.get(mission.diverted_to)?.name ?? mission.diverted_to}`}.
        {mission.pilot === null ? "" : ` ${isMine(mission) ? "You fly" : `${mission.pilot} flies`} it now.`}
      </p>
    </>
  );
}

const NOT_IN_THE_AIR = new Set(["authorised", "preflight", "landing"]);

function Hands({ mission }: { mission: Mission }) {
  const orders = useOrders();
  const mine = isMine(mission);
  const grounded = NOT_IN_THE_AIR.has(mission.phase) ? "It cannot be flown by hand before it is up or while it lands." : "";
  return (
    <>
      <div class="actions">
        <Button
          onPress={() => void orders.give("control", () => toggleControl(mission))}
          deed="control"
          why={orders.busy ? "One moment…" : mine ? "" : grounded}
          look={mine ? "main" : "plain"}
          shortcut="t"
        >
          {mine ? "Release control" : mission.pilot === null ? "Take control" : `Take over from ${mission.pilot}`}
        </Button>
        <Button onPress={() => (dialog.value = { kind: "recall", mission: mission.id })} deed="recall" look="grave" shortcut="r">
          Recall…
        </Button>
      </div>
      {mine ? <Stick mission={mission} orders={orders} /> : null}
      <Trouble error={orders.error} />
    </>
  );
}

/** Where the vehicle should be: the last of these is what counts. */
const WAYS = new Set<PilotCommand["type"]>(["hold", "goto", "orbit"]);

/** What the pilot in control can ask. */
function Stick({ mission, orders }: { mission: Mission; orders: Orders }) {
  const send = (command: PilotCommand) => orders.give(WAYS.has(command.type) ? "way" : command.type, () => fly(mission.id, command));
  const asked = picking.value?.mission === mission.id ? picking.value : null;
  return (
    <div class="stick" role="group" aria-label={`Fly ${mission.vehicle_id}`}>
      <div class="actions">
        <Button onPress={() => void send({ type: "hold" })} look="plain">
          Hold here
        </Button>
        <Button
          onPress={() => (picking.value = { purpose: "goto", mission: mission.id, at: null })}
          pressed={asked?.purpose === "goto"}
          icon="target"
        >
          Go to…
        </Button>
        <Button onPress={() => (picking.value = { purpose: "orbit", mission: mission.id, at: null })} pressed={asked?.purpose === "orbit"}>
          Orbit…
        </Button>
      </div>
      {asked === null ? null : <PlaceForm key={asked.purpose} mission={mission} purpose={asked.purpose === "orbit" ? "orbit" : "goto"} send={send} busy={orders.busy} />}
      <Gimbal send={send} />
      <LookDown order={(reason) => orders.give("look-down", () => lookDown(mission.id, reason))} busy={orders.busy} />
      <Lens mission={mission} send={send} />
    </div>
  );
}

interface PlaceFormProps {
  readonly mission: Mission;
  readonly purpose: "goto" | "orbit";
  readonly busy: boolean;
  readonly send: (command: PilotCommand) => Promise<boolean>;
}

/** Where to: by a click on the map, or typed. It is sent only when the pilot says so. */
function PlaceForm({ mission, purpose, send, busy }: PlaceFormProps) {
  const drone = dronesById.peek().get(mission.vehicle_id);
  const [height, setHeight] = useState(Math.round(Math.min(HEIGHT_M.max, Math.max(HEIGHT_M.min, drone?.height_m_above_dock ?? 80))));
  const [radius, setRadius] = useState(60);
  const [typed, setTyped] = useState<string | null>(null);
  const clicked = picking.value?.at ?? null;
  const text = typed ?? (clicked === null ? "" : position(clicked.lat, clicked.lon));
  const place = typed === null ? clicked : parsePosition(typed);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (place === null) return;
    const at = { latitude: place.lat, longitude: place.lon };
    const command: PilotCommand =
      purpose === "goto" ? { type: "goto", ...at, height_m_above_dock: height } : { type: "orbit", ...at, radius_m: radius };
    if (await send(command)) picking.value = null;
  };
  return (
    <form class="place" onSubmit={(event) => void submit(event)}>
      <Field label={purpose === "goto" ? "Go to" : "Orbit round"} hint="Click the map, or type latitude, longitude.">
        {(id, hint) => (
          <input
            id={id}
            aria-describedby={hint}
            inputMode="text"
            autocomplete="off"
            value={text}
            onInput={(event) => {
              const value = event.currentTarget.value;
              setTyped(value);
              const parsed = parsePosition(value);
              if (picking.value !== null) picking.value = { ...picking.value, at: parsed };
            }}
            onFocus={() => setTyped(text)}
            onBlur={() => (typed !== null && parsePosition(typed) !== null ? setTyped(null) : undefined)}
            data-autofocus
          />
        )}
      </Field>
      {purpose === "goto" ? (
        <Field label={`Height above dock: ${height} m`}>
          {(id) => <input id={id} type="range" min={HEIGHT_M.min} max={HEIGHT_M.max} step={1} value={height} onInput={(e) => setHeight(e.currentTarget.valueAsNumber)} />}
        </Field>
      ) : (
        <Field label={`Radius: ${radius} m`}>
          {(id) => <input id={id} type="range" min={RADIUS_M.min} max={RADIUS_M.max} step={5} value={radius} onInput={(e) => setRadius(e.currentTarget.valueAsNumber)} />}
        </Field>
      )}
      <div class="actions">
        <button type="submit" class="button main" disabled={place === null || busy}>
          {purpose === "goto" ? "Send it there" : "Start the orbit"}
        </button>
        <Button onPress={() => (picking.value = null)} look="plain">
          Cancel
        </Button>
      </div>
    </form>
  );
}

function Gimbal({ send }: { send: (command: PilotCommand) => Promise<boolean> }) {
  const [pitch, setPitch] = useState(-45);
  return (
    <Field label={`Camera pitch: ${String(pitch).replace("-", "−")}°`}>
      {(id) => (
        <input
          id={id}
          type="range"
          min={PITCH_DEG.min}
          max={PITCH_DEG.max}
          step={5}
          value={pitch}
          onInput={(event) => setPitch(event.currentTarget.valueAsNumber)}
          onChange={(event) => void send({ type: "gimbal", pitch_deg: event.currentTarget.valueAsNumber })}
        />
      )}
    </Field>
  );
}

/** Level on the way is the rule; a person who has it otherwise says why, and presses: the arrow keys alone order nothing. */
function LookDown({ order, busy }: { order: (reason: string) => Promise<boolean>; busy: boolean }) {
  const [reason, setReason] = useState("");
  return (
    <Field label="Look down on the way, for" hint="Over its scene the camera needs no order. On the way it does: on record, filmed, for two minutes.">
      {(id, hint) => (
        <div class="actions">
          <select id={id} aria-describedby={hint} value={reason} onChange={(event) => setReason(event.currentTarget.value)}>
            <option value="">Choose…</option>
            {REASONS_TO_LOOK_DOWN.map((one) => (
              <option key={one} value={one}>
                {capital(one.replaceAll("-", " "))}
              </option>
            ))}
          </select>
          <Button onPress={() => void order(reason).then((done) => done && setReason(""))} why={busy ? "One moment…" : reason === "" ? "Choose why first" : ""} look="plain">
            Order it
          </Button>
        </div>
      )}
    </Field>
  );
}

/** Its camera's own lens: what it shows is gained, where the nearness under the picture only enlarges what came. */
function Lens({ mission, send }: { mission: Mission; send: (command: PilotCommand) => Promise<boolean> }) {
  const drone = dronesById.value.get(mission.vehicle_id);
  const hint = useId();
  if (drone === undefined || drone.zoom_most <= 1) return null;
  const steps = zoomSteps(drone.zoom_most);
  const to = (zoom: number | undefined) => () => (zoom === undefined ? undefined : void send({ type: "zoom", zoom }));
  const further = steps.findLast((each) => each < mission.zoom);
  const nearer = steps.find((each) => each > mission.zoom);
  const over = mission.eyes_on_at !== null && mission.return_reason === null;
  const away = over ? "" : "The camera zooms only over its scene.";
  const key = (event: KeyboardEvent): void => {
    const wanted = event.key === "+" || event.key === "=" ? (over ? nearer : undefined) : event.key === "-" || event.key === "−" ? further : undefined;
    if (wanted === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    to(wanted)();
  };
  return (
    <div class="field lens" role="group" aria-label={`Camera zoom: ${times(mission.zoom)}`} aria-describedby={hint} onKeyDown={key}>
      <span class="label" role="status">
        Camera zoom: {times(mission.zoom)}
        <LensNow asked={mission.zoom} now={drone.zoom} />
      </span>
      <span class="actions">
        <Button onPress={to(further)} label="Camera lens: zoom out" why={further === undefined ? "The lens is at its widest." : ""}>
          −
        </Button>
        <Button onPress={to(nearer)} label="Camera lens: zoom in" why={nearer === undefined ? "The lens is as near as it gets." : away}>
          +
        </Button>
      </span>
      {mission.zoom_trouble === "" ? null : (
        <p class="note waits" role="alert">
          {capital(mission.zoom_trouble)}.
        </p>
      )}
      <p class="hint" id={hint}>
        Moves the drone’s own lens, for everybody who looks. The − and + under the picture only enlarge it on this screen.
      </p>
    </div>
  );
}

/** Where the lens is, while that is another place than where it was asked to be. */
function LensNow({ asked, now }: { asked: number; now: number | null }) {
  if (now === null) return <span class="soft">, not told by the camera</span>;
  return Math.abs(now - asked) <= 0.1 * asked ? null : <span class="soft">, now at {times(now)}</span>;
}
