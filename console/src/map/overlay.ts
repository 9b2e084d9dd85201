// What lives on the map, on two canvases over it: the back one is drawn again when something changed or the map moved, the front one
// while drones glide. The map below stays as it is meanwhile, which spares a machine without a graphics card most of the work.

import type { Map as BaseMap } from "maplibre-gl";
import type { Picture } from "../feed/picture.ts";
import { isOver } from "../feed/picture.ts";
import type { Drone, Incident, LatLon, Mission } from "../feed/wire.ts";
import { percent } from "../format.ts";
import type { Picking, Selection } from "../state.ts";
import { looks } from "../video/looks.ts";
import { dockWord, droneWord, gradeRank, isAirborne, type Tone } from "../words.ts";
import { clipped, type Frame, frameOf, mercatorX, mercatorY, metresPerPixel } from "./mercator.ts";
import { Motion } from "./motion.ts";
import { drawSight } from "./sights.ts";
import { gradeColour, palette, toneColour } from "./palette.ts";
import { type Pen, Sprites } from "./sprites.ts";
import { ARROW_SIZE, drawDock, drawDrone, drawIncident, ring } from "./symbols.ts";

const MAX_RATIO = 2; // finer than that nobody sees, and it costs
const LABELS_FROM_ZOOM = 13;
const DOCK_NAMES_FROM_ZOOM = 12.6;
const LABELS_AT_ONCE = 80;
const CLOSED_SHOWN_MS = 60_000;
const PULSE_MS = 12_000;
const REACH_PX = 16; // how near a click must be: a finger's half
const TRAILS_MS = 1_000; // over a whole city a trail grows by less than a pixel in this time
const HEADINGS = 72; // an arrow each 5°: nobody sees less
const VISIBLE_PX = 0.4; // a drone that moved less than this since it was drawn is not drawn again
const LABEL_HEIGHT = 20;
const EDGE_PX = 10;
const TRAIL_BANDS = [0.16, 0.32, 0.6]; // fading with age
const TONES: readonly Tone[] = ["quiet", "info", "ok", "notice", "pilot", "warning", "alarm"];

export interface Shown {
  readonly selection: Selection | null;
  readonly mission: Mission | null;
  readonly picking: Picking | null;
}

export class Overlay {
  private readonly back: HTMLCanvasElement;
  private readonly front: HTMLCanvasElement;
  private readonly map: BaseMap;
  private readonly motion = new Motion();
  private readonly sprites = new Sprites();
  private readonly measure = new OffscreenCanvas(1, 1).getContext("2d") as Pen;
  private readonly seen = new Map<string, number>(); // when this console first saw an immediate incident
  private readonly still = window.matchMedia("(prefers-reduced-motion: reduce)");
  private picture: Picture | null = null;
  private shown: Shown = { selection: null, mission: null, picking: null };
  private hovered: Selection | null = null;
  private flying: number[] = [];
  private drawnX: Float64Array = new Float64Array(0); // where drones were last drawn, CSS pixels
  private drawnY: Float64Array = new Float64Array(0);
  private tones: Tone[] = [];
  private frame: Frame = { scale: 1, left: 0, top: 0, width: 0, height: 0 };
  private zoom = 0;
  private ratio = 1;
  private backIsOld = true;
  private backDrawnAt = 0;
  private frontIsOld = true;
  private request = 0;

  constructor(map: BaseMap, host: HTMLElement) {
    this.map = map;
    [this.back, this.front] = [canvas("back"), canvas("front")];
    host.append(this.back, this.front);
    map.on("render", this.follow); // in the map's own frame: both move as one
    map.on("resize", this.resize);
    this.resize();
    this.request = requestAnimationFrame(this.turn);
  }

  remove(): void {
    cancelAnimationFrame(this.request);
    this.back.remove();
    this.front.remove();
  }

  /** Take a frame of the feed. */
  take(picture: Picture, receivedAt: number, snapshot: boolean): void {
    const before = this.picture;
    const fresh = snapshot || before === null; // the map may be ready later than the feed
    this.picture = picture;
    const drones = picture.drones;
    this.tones = drones.map((drone) => droneWord(drone).tone);
    this.flying = [];
    for (const [place, drone] of drones.entries()) {
      if (isAirborne(drone) && drone.lat !== null) this.flying.push(place);
    }
    this.motion.take(drones as readonly (Drone & { lat: number; lon: number })[], (place) => isAirborne(drones[place] as Drone), receivedAt, fresh);
    for (const incident of picture.incidents.values()) this.notice(incident, receivedAt, fresh);
    this.frontIsOld = true;
    const same = picture.incidents === before?.incidents && picture.missions === before.missions && picture.docks === before.docks;
    if (!same || this.zoom >= LABELS_FROM_ZOOM || receivedAt - this.backDrawnAt > TRAILS_MS) this.backIsOld = true;
  }

  show(shown: Shown): void {
    this.shown = shown;
    this.redraw();
  }

  hover(what: Selection | null): void {
    if (what?.id === this.hovered?.id && what?.kind === this.hovered?.kind) return;
    this.hovered = what;
    this.redraw();
  }

  /** Draw everything again in the next frame. */
  redraw(): void {
    this.backIsOld = this.frontIsOld = true;
  }

  /** Where a drone is drawn now, for a map that follows it. */
  placeOfDrone(id: string): { x: number; y: number } | null {
    const place = this.picture?.drones.findIndex((drone) => drone.id === id) ?? -1;
    const x = this.motion.x[place];
    const y = this.motion.y[place];
    return x === undefined || y === undefined || !Number.isFinite(x) ? null : { x, y };
  }

  /** What is at a point of the screen: incidents before drones before docks. */
  at(point: { x: number; y: number }): Selection | null {
    const { picture } = this;
    if (picture === null) return null;
    let best: Selection | null = null;
    let nearest = REACH_PX;
    const consider = (kind: Selection["kind"], id: string, x: number, y: number, handicap: number): void => {
      const distance = Math.hypot(x - point.x, y - point.y) + handicap;
      if (distance < nearest) [best, nearest] = [{ kind, id }, distance];
    };
    for (const incident of this.incidentsShown()) consider("incident", incident.id, this.x(mercatorX(incident.lon)), this.y(mercatorY(incident.lat)), 0);
    for (const i of this.flying) consider("drone", (picture.drones[i] as Drone).id, this.x(this.motion.x[i] ?? 0), this.y(this.motion.y[i] ?? 0), 2);
    for (const dock of picture.docks.values()) consider("dock", dock.id, this.x(mercatorX(dock.lon)), this.y(mercatorY(dock.lat)), 4);
    return best;
  }

  // --- frames ------------------------------------------------------------------------------------------------------

  private readonly turn = (at: number): void => {
    this.request = requestAnimationFrame(this.turn);
    const glides = this.motion.advance(this.still.matches ? Number.MAX_VALUE : at);
    if (this.backIsOld) this.drawBack();
    if (this.frontIsOld || (glides && this.hasMoved()) || this.pulses(at)) this.drawFront(at);
  };

  /** Whether any drone is visibly elsewhere than where it was drawn: over a whole city few frames need drawing, in a street most do. */
  private hasMoved(): boolean {
    return this.flying.some((i) => {
      const x = this.x(this.motion.x[i] as number) - (this.drawnX[i] ?? 0);
      const y = this.y(this.motion.y[i] as number) - (this.drawnY[i] ?? 0);
      return Math.abs(x) > VISIBLE_PX || Math.abs(y) > VISIBLE_PX;
    });
  }

  private readonly follow = (): void => {
    const { lng, lat } = this.map.getCenter();
    const frame = frameOf({ lng, lat }, this.map.getZoom(), this.frame.width, this.frame.height);
    if (frame.left === this.frame.left && frame.top === this.frame.top && frame.scale === this.frame.scale) return;
    this.frame = frame;
    this.zoom = this.map.getZoom();
    this.drawBack();
    this.drawFront(performance.now());
  };

  private readonly resize = (): void => {
    const { clientWidth: width, clientHeight: height } = this.map.getContainer();
    this.ratio = Math.min(MAX_RATIO, window.devicePixelRatio || 1);
    for (const layer of [this.back, this.front]) {
      layer.width = Math.round(width * this.ratio);
      layer.height = Math.round(height * this.ratio);
    }
    const centre = this.map.getCenter();
    this.zoom = this.map.getZoom();
    this.frame = frameOf({ lng: centre.lng, lat: centre.lat }, this.zoom, width, height);
    this.sprites.reset(this.ratio);
    this.redraw();
  };

  private x(mercator: number): number {
    return mercator * this.frame.scale - this.frame.left;
  }

  private y(mercator: number): number {
    return mercator * this.frame.scale - this.frame.top;
  }

  private inside(x: number, y: number, margin: number): boolean {
    return x > -margin && y > -margin && x < this.frame.width + margin && y < this.frame.height + margin;
  }

  private cleared(layer: HTMLCanvasElement): CanvasRenderingContext2D {
    const pen = layer.getContext("2d") as CanvasRenderingContext2D;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.frame.width, this.frame.height);
    return pen;
  }

  // --- the back: ways, trails, docks, incidents ----------------------------------------------------------------------

  private drawBack(): void {
    this.backIsOld = false;
    this.backDrawnAt = performance.now();
    const pen = this.cleared(this.back);
    if (this.picture === null) return;
    this.drawTrails(pen);
    this.drawWays(pen, this.picture);
    this.drawDocks(pen, this.picture);
    this.drawIncidents(pen);
    this.drawPicked(pen);
  }

  private drawTrails(pen: CanvasRenderingContext2D): void {
    pen.lineWidth = 2;
    pen.lineCap = pen.lineJoin = "round";
    for (const tone of TONES) {
      const some = this.flying.filter((i) => this.tones[i] === tone && this.nearby(i));
      if (some.length === 0) continue;
      pen.strokeStyle = toneColour(tone);
      for (const [band, alpha] of TRAIL_BANDS.entries()) {
        pen.globalAlpha = alpha;
        pen.beginPath();
        for (const i of some) this.addTrail(pen, i, band);
        pen.stroke();
      }
    }
    pen.globalAlpha = 1;
  }

  private nearby(i: number): boolean {
    return this.inside(this.x(this.motion.x[i] ?? 0), this.y(this.motion.y[i] ?? 0), 400);
  }

  /** One part of a trail; parts share their end points, so that no gap shows. */
  private addTrail(pen: CanvasRenderingContext2D, drone: number, band: number): void {
    let started = false;
    this.motion.trail(drone, (mx, my, place, length) => {
      const from = Math.floor((length * band) / TRAIL_BANDS.length);
      const to = Math.floor((length * (band + 1)) / TRAIL_BANDS.length);
      if (place < from || place > to) return;
      if (started) pen.lineTo(this.x(mx), this.y(my));
      else pen.moveTo(this.x(mx), this.y(my));
      started = true;
    });
  }

  private drawWays(pen: CanvasRenderingContext2D, picture: Picture): void {
    const colours = palette();
    for (const mission of picture.missions.values()) {
      if (isOver(mission) || mission.id === this.shown.mission?.id) continue;
      const goesHome = mission.phase === "returning" || mission.phase === "landing";
      if (mission.phase === "on-scene" || mission.phase === "controlled") continue; // it has arrived: the way there is past
      this.drawWay(pen, goesHome ? mission.home : mission.route, goesHome ? colours.quiet : colours.info, 1.25, goesHome ? 0.25 : 0.45, goesHome ? [2, 5] : []);
    }
    const { mission } = this.shown;
    if (mission === null) return;
    this.drawWay(pen, mission.home, colours.text, 1.5, 0.7, [4, 6]);
    this.drawWay(pen, mission.route, colours.focus, 2.25, 0.9, []);
  }

  private drawWay(pen: CanvasRenderingContext2D, way: readonly LatLon[], colour: string, width: number, alpha: number, dash: number[]): void {
    if (way.length < 2) return;
    pen.globalAlpha = alpha;
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.setLineDash(dash);
    pen.beginPath();
    for (let n = 1; n < way.length; n++) {
      const [[lat1, lon1], [lat2, lon2]] = [way[n - 1] as LatLon, way[n] as LatLon];
      const seen = clipped(
        this.x(mercatorX(lon1)), this.y(mercatorY(lat1)), this.x(mercatorX(lon2)), this.y(mercatorY(lat2)), this.frame, EDGE_PX,
      );
      if (seen === null) continue;
      pen.moveTo(seen[0], seen[1]);
      pen.lineTo(seen[2], seen[3]);
    }
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }

  private drawDocks(pen: CanvasRenderingContext2D, picture: Picture): void {
    const size = this.zoom < 11 ? 7 : this.zoom < 12.6 ? 10 : 20;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    for (const dock of picture.docks.values()) {
      const x = this.x(mercatorX(dock.lon));
      const y = this.y(mercatorY(dock.lat));
      if (!this.inside(x, y, 40)) continue;
      const { tone } = dockWord(dock.status);
      const chosen = this.isChosen("dock", dock.id);
      const key = `dock ${size} ${dock.pads} ${dock.pads_taken} ${tone} ${chosen}`;
      const side = size + 24;
      const sign = this.sprites.get(key, side, side, (sheet) => drawDock(sheet, 0, 0, size, dock.pads, dock.pads_taken, tone, chosen));
      this.sprites.put(pen, sign, x, y);
      if (this.zoom >= DOCK_NAMES_FROM_ZOOM || chosen || this.isHovered("dock", dock.id)) {
        this.sprites.put(pen, this.name(dock.name), x, y + size / 2 + 12);
      }
    }
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
  }

  /** A name with a dark edge round its letters. */
  private name(text: string): ImageBitmap {
    const { font, ground, "text-soft": soft } = palette();
    const face = `500 12px ${font}`;
    return this.sprites.get(`name ${text}`, this.widthOf(text, face) + 10, LABEL_HEIGHT, (sheet) => {
      sheet.font = face;
      sheet.textAlign = "center";
      sheet.textBaseline = "middle";
      sheet.lineJoin = "round";
      sheet.lineWidth = 3.5;
      sheet.strokeStyle = ground;
      sheet.strokeText(text, 0, 0);
      sheet.fillStyle = soft;
      sheet.fillText(text, 0, 0);
    });
  }

  private widthOf(text: string, face: string): number {
    if (this.measure.font !== face) this.measure.font = face;
    return this.measure.measureText(text).width;
  }

  private incidentsShown(): Incident[] {
    const { picture } = this;
    if (picture === null) return [];
    const recent = picture.at - CLOSED_SHOWN_MS;
    return [...picture.incidents.values()]
      .filter((one) => one.state !== "closed" || (one.closed_at ?? 0) > recent || this.isChosen("incident", one.id))
      .sort((a, b) => gradeRank(b.grade) - gradeRank(a.grade)); // the gravest on top
  }

  private drawIncidents(pen: CanvasRenderingContext2D): void {
    const usual = this.zoom < 10.5 ? 6 : this.zoom < 12.6 ? 8 : 10;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    for (const incident of this.incidentsShown()) {
      const x = this.x(mercatorX(incident.lon));
      const y = this.y(mercatorY(incident.lat));
      if (!this.inside(x, y, 40)) continue;
      const chosen = this.isChosen("incident", incident.id);
      const r = chosen || this.isHovered("incident", incident.id) ? usual + 2 : usual;
      const key = `incident ${incident.grade} ${incident.state} ${r} ${chosen}`;
      const sign = this.sprites.get(key, 60, 60, (sheet) => drawIncident(sheet, incident.grade, incident.state, 0, 0, r, chosen));
      pen.globalAlpha = incident.state === "closed" && !chosen ? 0.45 : 1;
      this.sprites.put(pen, sign, x, y);
    }
    pen.globalAlpha = 1;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
  }

  private drawPicked(pen: CanvasRenderingContext2D): void {
    const at = this.shown.picking?.at;
    if (at == null) return;
    const x = this.x(mercatorX(at.lon));
    const y = this.y(mercatorY(at.lat));
    const { focus, ground } = palette();
    for (const [colour, width] of [[ground, 5], [focus, 2]] as const) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
        pen.moveTo(x + dx * 5, y + dy * 5);
        pen.lineTo(x + dx * 16, y + dy * 16);
      }
      pen.moveTo(x + 10, y);
      pen.arc(x, y, 10, 0, Math.PI * 2);
      pen.stroke();
    }
  }

  // --- the front: drones ---------------------------------------------------------------------------------------------

  private drawFront(at: number): void {
    this.frontIsOld = false;
    const pen = this.cleared(this.front);
    const { picture } = this;
    if (picture === null) return;
    this.drawPulses(pen, at);
    this.drawSights(pen, picture);
    if (this.drawnX.length !== this.motion.size) [this.drawnX, this.drawnY] = [new Float64Array(this.motion.size), new Float64Array(this.motion.size)];
    const small = this.zoom < 10.5;
    let labels = 0;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    for (const i of this.flying) {
      const x = this.x(this.motion.x[i] as number);
      const y = this.y(this.motion.y[i] as number);
      [this.drawnX[i], this.drawnY[i]] = [x, y];
      if (!this.inside(x, y, ARROW_SIZE)) continue;
      const drone = picture.drones[i] as Drone;
      const chosen = this.isMarked(drone.id);
      const marked = chosen || this.isHovered("drone", drone.id);
      this.sprites.put(pen, this.arrow(this.tones[i] ?? "info", this.motion.heading[i] as number, small, marked), x, y);
      if (!chosen && (this.zoom < LABELS_FROM_ZOOM || labels++ >= LABELS_AT_ONCE)) continue;
      const label = this.label(drone, this.tones[i] ?? "info");
      this.sprites.put(pen, label, x + (marked ? 22 : 15) + label.width / this.ratio / 2, y);
    }
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
  }

  private drawSights(pen: CanvasRenderingContext2D, picture: Picture): void {
    for (const [vehicle, look] of looks.peek()) {
      const place = picture.drones.findIndex((drone) => drone.id === vehicle);
      const [east, south] = [this.motion.x[place], this.motion.y[place]];
      if (east === undefined || south === undefined || !Number.isFinite(east)) continue;
      const { focus, ground } = palette();
      const at = { x: this.x(mercatorX(look.lon)), y: this.y(mercatorY(look.lat)) };
      drawSight(pen, { x: this.x(east), y: this.y(south) }, at, look, 1 / metresPerPixel(look.lat, this.zoom), focus, ground);
    }
  }

  private isMarked(drone: string): boolean {
    return this.isChosen("drone", drone) || this.shown.mission?.vehicle_id === drone;
  }

  private arrow(tone: Tone, heading: number, small: boolean, marked: boolean): ImageBitmap {
    const step = ((Math.round((heading * HEADINGS) / 360) % HEADINGS) + HEADINGS) % HEADINGS;
    return this.sprites.get(`drone ${tone} ${step} ${small} ${marked}`, ARROW_SIZE + 8, ARROW_SIZE + 8, (sheet) => {
      if (marked) ring(sheet, 0, 0, 18, palette().focus);
      sheet.rotate((step * 2 * Math.PI) / HEADINGS);
      if (small) sheet.scale(0.75, 0.75);
      drawDrone(sheet, tone);
    });
  }

  private label(drone: Drone, tone: Tone): ImageBitmap {
    const text = `${drone.id}  ${Math.round(drone.height_m_above_dock)} m  ${percent(drone.charge_fraction)}`;
    const { font, ground } = palette();
    const face = `600 12px ${font}`;
    const width = this.widthOf(text, face) + 12;
    return this.sprites.get(`label ${tone} ${text}`, width, LABEL_HEIGHT, (sheet) => {
      sheet.globalAlpha = 0.82;
      sheet.fillStyle = ground;
      sheet.beginPath();
      sheet.roundRect(-width / 2, -LABEL_HEIGHT / 2, width, LABEL_HEIGHT, 4);
      sheet.fill();
      sheet.globalAlpha = 1;
      sheet.font = face;
      sheet.textBaseline = "middle";
      sheet.fillStyle = toneColour(tone);
      sheet.fillText(text, 6 - width / 2, 0.5);
    });
  }

  // --- a new immediate incident draws the eye --------------------------------------------------------------------------

  private notice(incident: Incident, at: number, fresh: boolean): void {
    if (incident.grade !== "I" || this.seen.has(incident.id)) return;
    this.seen.set(incident.id, fresh ? Number.NEGATIVE_INFINITY : at);
  }

  private pulses(at: number): boolean {
    if (this.still.matches) return false;
    for (const since of this.seen.values()) if (at - since < PULSE_MS) return true;
    return false;
  }

  /** Six slow rings; a still one for who wants no motion. Far below the three flashes a second that can harm. */
  private drawPulses(pen: CanvasRenderingContext2D, at: number): void {
    for (const [id, since] of this.seen) {
      const incident = this.picture?.incidents.get(id);
      if (incident === undefined) this.seen.delete(id);
      if (incident === undefined || incident.state === "closed" || at - since >= PULSE_MS) continue;
      const part = this.still.matches ? 0.4 : ((at - since) % 2000) / 2000;
      pen.globalAlpha = 1 - part;
      ring(pen, this.x(mercatorX(incident.lon)), this.y(mercatorY(incident.lat)), 12 + part * 26, gradeColour("I"));
    }
    pen.globalAlpha = 1;
  }

  private isChosen(kind: Selection["kind"], id: string): boolean {
    return this.shown.selection?.kind === kind && this.shown.selection.id === id;
  }

  private isHovered(kind: Selection["kind"], id: string): boolean {
    return this.hovered?.kind === kind && this.hovered.id === id;
  }
}

function canvas(name: string): HTMLCanvasElement {
  const made = document.createElement("canvas");
  made.className = `overlay overlay-${name}`;
  made.setAttribute("aria-hidden", "true");
  return made;
}
