// The map as the page uses it: what is looked at, what a click means.

import "maplibre-gl/dist/maplibre-gl.css";
import { AttributionControl, Map as BaseMap, NavigationControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { computed, effect, untracked } from "@preact/signals";
import { boroughs, zones } from "../api/deeds.ts";
import { docks, events, missions, run, watchFrames } from "../feed/store.ts";
import { following, picking, placeOf, select, type Selection, selectedMission, selection } from "../state.ts";
import { looks } from "../video/looks.ts";
import { airspace } from "../zones.ts";
import { addHatches, addTiles, markZone, setBoroughs, setZones, style, zoneAt } from "./base.ts";
import { latitudeOf, longitudeOf } from "./mercator.ts";
import { Overlay } from "./overlay.ts";

setWorkerUrl(workerUrl);

const LONDON: [number, number] = [-0.11, 51.53];
const CLOSE_ZOOM = 14;
const ZONES_EVERY_MS = 60_000; // zones also turn active by the clock
const EDGE_PX = 70;
const PANEL_OPENS_MS = 80;

const still = window.matchMedia("(prefers-reduced-motion: reduce)");

/** The latest event about airspace: when it is another, zones are asked for again. */
const changeOfZones = computed(() => events.value.findLast((event) => event.kind === "zone")?.seq ?? 0);

export class View {
  readonly map: BaseMap;
  private readonly overlay: Overlay;
  private readonly ends: (() => void)[] = [];
  private readonly onHover: (what: Selection | null, x: number, y: number) => void;
  private pointer: { x: number; y: number } | null = null;
  private fitted = false;

  /** Throws when the browser cannot draw it. `onHover` is told what is under the pointer. */
  constructor(host: HTMLElement, onHover: (what: Selection | null, x: number, y: number) => void) {
    this.map = new BaseMap({
      container: host, style: style(), center: LONDON, zoom: 11, minZoom: 7, maxZoom: 18, attributionControl: false,
      dragRotate: false, pitchWithRotate: false, touchPitch: false, rollEnabled: false, fadeDuration: 0, renderWorldCopies: false,
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new NavigationControl({ showCompass: false }), "bottom-right");
    this.map.addControl(new ScaleControl({ maxWidth: 140, unit: "metric" }), "bottom-left");
    this.map.addControl(new AttributionControl({ compact: true }), "bottom-right");
    this.overlay = new Overlay(this.map, this.map.getCanvasContainer());
    this.name();
    this.onHover = onHover;
    this.listen();
    this.map.once("style.load", () => this.dress());
    this.map.once("idle", () => this.foldCredit());
  }

  remove(): void {
    for (const end of this.ends) end();
    this.overlay.remove();
    this.map.remove();
  }

  focus(): void {
    this.map.getCanvas().focus();
  }

  /** Show all docks. */
  fit(): void {
    const all = [...docks.peek().values()];
    if (all.length === 0) return;
    const [lons, lats] = [all.map((dock) => dock.lon), all.map((dock) => dock.lat)];
    this.map.fitBounds([[Math.min(...lons), Math.min(...lats)], [Math.max(...lons), Math.max(...lats)]], {
      padding: EDGE_PX, maxZoom: CLOSE_ZOOM, animate: this.fitted && !still.matches, duration: 600,
    });
    this.fitted = true;
  }

  /** Bring a place into view, and no more than that when it is there already. */
  bring(place: { lat: number; lon: number }, close = false): void {
    const at: [number, number] = [place.lon, place.lat];
    const point = this.map.project(at);
    const { clientWidth, clientHeight } = this.map.getContainer();
    const seen = point.x > EDGE_PX && point.y > EDGE_PX && point.x < clientWidth - EDGE_PX && point.y < clientHeight - EDGE_PX;
    if (seen && !close) return;
    const zoom = close ? Math.max(this.map.getZoom(), CLOSE_ZOOM) : this.map.getZoom();
    if (still.matches) this.map.jumpTo({ center: at, zoom });
    else this.map.easeTo({ center: at, zoom, duration: 500 });
  }

  centre(): { lat: number; lon: number } {
    const { lat, lng } = this.map.getCenter();
    return { lat, lon: lng };
  }

  private name(): void {
    const canvas = this.map.getCanvas();
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "Map. Arrow keys move it, plus and minus zoom. The queue and the fleet list hold the same as text.");
  }

  /** The credit opens at a press; it must not lie over the map until then. */
  private foldCredit(): void {
    const credit = this.map.getContainer().querySelector(".maplibregl-ctrl-attrib");
    credit?.classList.remove("maplibregl-compact-show");
    credit?.removeAttribute("open");
  }

  private listen(): void {
    this.map.on("click", ({ point, lngLat }) => {
      const asked = picking.peek();
      if (asked !== null) picking.value = { ...asked, at: { lat: lngLat.lat, lon: lngLat.lng } };
      else select(this.under(point));
    });
    this.map.on("mousemove", ({ point }) => {
      this.pointer = point;
      this.hover();
    });
    this.map.on("mouseout", () => {
      this.pointer = null;
      this.hover();
    });
    this.map.on("dragstart", () => {
      following.value = false;
    });
    this.map.getCanvas().addEventListener("keydown", (event) => {
      const asked = picking.peek();
      if (event.key !== "Enter" || asked === null) return;
      picking.value = { ...asked, at: this.centre() }; // the keyboard's click is on the middle of the map
    });
  }

  /** Say what is under the pointer: it moves, and so do the drones below it. */
  private hover(): void {
    const asked = picking.peek() !== null;
    const what = this.pointer === null || asked ? null : this.overlay.at(this.pointer);
    this.overlay.hover(what);
    this.map.getCanvas().style.cursor = asked ? "crosshair" : what !== null ? "pointer" : "";
    this.onHover(what, this.pointer?.x ?? 0, this.pointer?.y ?? 0);
  }

  private under(point: { x: number; y: number }): Selection | null {
    const thing = this.overlay.at(point);
    if (thing !== null) return thing;
    const zone = this.map.isStyleLoaded() ? zoneAt(this.map, point) : null;
    return zone === null ? null : { kind: "zone", id: zone };
  }

  private dress(): void {
    addHatches(this.map);
    void boroughs().then((land) => setBoroughs(this.map, land), () => undefined); // without it the map is plain, and works
    const ask = (): void => void zones().then((known) => (airspace.value = known), () => undefined);
    const timer = window.setInterval(ask, ZONES_EVERY_MS);
    this.ends.push(
      () => clearInterval(timer),
      watchFrames((picture, receivedAt, fresh) => {
        this.overlay.take(picture, receivedAt, fresh);
        if (!this.fitted && picture.docks.size > 0) this.fit();
        this.follow();
        if (this.pointer !== null) this.hover();
      }),
      effect(() => {
        if (airspace.value !== null) setZones(this.map, airspace.value);
      }),
      effect(() => {
        void changeOfZones.value;
        ask();
      }),
      effect(() => {
        const url = run.value?.tiles_url;
        if (url) addTiles(this.map, url);
      }),
      effect(() => {
        void missions.value; // a route may have changed
        this.overlay.show({ selection: selection.value, mission: selectedMission.value, picking: picking.value });
      }),
      effect(() => {
        void looks.value; // where a drone looks has changed
        this.overlay.redraw();
      }),
      effect(() => {
        const chosen = selection.value;
        markZone(this.map, chosen?.kind === "zone" ? chosen.id : "");
        if (chosen === null) return;
        const place = chosen.kind === "dock" ? docks.peek().get(chosen.id) : untracked(() => placeOf(chosen));
        // The panel that opens beside the map makes it narrower: look again once it has.
        if (place) setTimeout(() => this.bring(place), PANEL_OPENS_MS);
      }),
    );
  }

  /** Keep the drone that is followed in the middle. */
  private follow(): void {
    const chosen = selection.peek();
    if (!following.peek() || chosen?.kind !== "drone") return;
    const place = this.overlay.placeOfDrone(chosen.id);
    if (place === null) return;
    const centre: [number, number] = [longitudeOf(place.x), latitudeOf(place.y)];
    if (still.matches) this.map.jumpTo({ center: centre });
    else this.map.easeTo({ center: centre, duration: 220, easing: (t) => t });
  }
}
