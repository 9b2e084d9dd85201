// A small map to draw a deployment's zone and cameras on. Everything that is drawn here can also be typed beside it.

import "maplibre-gl/dist/maplibre-gl.css";
import { AttributionControl, Map as BaseMap, Marker, NavigationControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { area } from "../api/recognition.ts";
import { addHatches, setBoroughs, style } from "./base.ts";
import { palette } from "./palette.ts";

setWorkerUrl(workerUrl);

export interface At {
  readonly lat: number;
  readonly lon: number;
}

export interface Drawn {
  readonly zone: readonly At[];
  readonly cameras: readonly (At & { readonly name: string })[];
}

const LONDON: [number, number] = [-0.11, 51.53];
const EDGE_PX = 40;

export class PlaceMap {
  private readonly map: BaseMap;
  private markers: Marker[] = [];
  private ready = false;
  private drawn: Drawn = { zone: [], cameras: [] };
  private looked = 0; // how much was drawn when the map last moved to show it

  /** Throws when the browser cannot draw it. `onPick` is told where somebody clicks; without it nothing can be drawn. */
  constructor(host: HTMLElement, label: string, onPick: ((at: At) => void) | null) {
    this.map = new BaseMap({
      container: host, style: style(), center: LONDON, zoom: 10, minZoom: 7, maxZoom: 19, attributionControl: false,
      dragRotate: false, pitchWithRotate: false, touchPitch: false, rollEnabled: false, fadeDuration: 0, renderWorldCopies: false,
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new NavigationControl({ showCompass: false }), "bottom-right");
    this.map.addControl(new ScaleControl({ maxWidth: 120, unit: "metric" }), "bottom-left");
    this.map.addControl(new AttributionControl({ compact: true }), "bottom-right");
    this.map.getCanvas().setAttribute("aria-label", label);
    if (onPick !== null) this.map.on("click", (event) => onPick({ lat: event.lngLat.lat, lon: event.lngLat.lng }));
    this.map.once("style.load", () => void this.dress());
  }

  show(drawn: Drawn): void {
    this.drawn = drawn;
    if (this.ready) this.draw();
  }

  /** The place in the middle: for whoever draws without a pointer. */
  centre(): At {
    const { lat, lng } = this.map.getCenter();
    return { lat, lon: lng };
  }

  remove(): void {
    this.map.remove();
  }

  private async dress(): Promise<void> {
    const colours = palette();
    addHatches(this.map);
    this.map.addSource("drawn", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
    this.map.addLayer({ id: "drawn-fill", type: "fill", source: "drawn", paint: { "fill-color": colours.info, "fill-opacity": 0.18 } });
    this.map.addLayer({ id: "drawn-edge", type: "line", source: "drawn", paint: { "line-color": colours.info, "line-width": 2 } });
    this.ready = true;
    this.draw();
    setBoroughs(this.map, await area());
    this.map.once("idle", () => {
      const credit = this.map.getContainer().querySelector(".maplibregl-ctrl-attrib");
      credit?.classList.remove("maplibregl-compact-show");
      credit?.removeAttribute("open");
    });
  }

  private draw(): void {
    const ring = this.drawn.zone.map((at) => [at.lon, at.lat]);
    const closed = ring.length > 0 ? [...ring, ring[0] as number[]] : [];
    const geometry: GeoJSON.Geometry = ring.length >= 3 ? { type: "Polygon", coordinates: [closed] } : { type: "LineString", coordinates: ring };
    const data: GeoJSON.Feature = { type: "Feature", properties: {}, geometry };
    (this.map.getSource("drawn") as unknown as { setData(data: GeoJSON.Feature): void } | undefined)?.setData(data);
    for (const marker of this.markers) marker.remove();
    this.markers = [
      ...this.drawn.zone.map((at, number) => this.mark(at, "corner", String(number + 1))),
      ...this.drawn.cameras.map((at) => this.mark(at, "camera", at.name)),
    ];
    // Moved by itself when there is something to see at last, and when the zone becomes one; never under a hand that draws.
    const stage = this.drawn.zone.length >= 3 ? 2 : this.drawn.zone.length + this.drawn.cameras.length > 0 ? 1 : 0;
    if (stage > this.looked) this.look();
    this.looked = Math.max(this.looked, stage);
  }

  private mark(at: At, kind: string, text: string): Marker {
    const element = document.createElement("div");
    element.className = `place-mark ${kind}`;
    element.textContent = text;
    element.setAttribute("aria-hidden", "true"); // the same stands in the lists beside the map
    return new Marker({ element, anchor: kind === "camera" ? "bottom" : "center" }).setLngLat([at.lon, at.lat]).addTo(this.map);
  }

  private look(): void {
    const all = [...this.drawn.zone, ...this.drawn.cameras];
    if (all.length === 0) return;
    const [lons, lats] = [all.map((at) => at.lon), all.map((at) => at.lat)];
    this.map.fitBounds([[Math.min(...lons), Math.min(...lats)], [Math.max(...lons), Math.max(...lats)]], { padding: EDGE_PX, maxZoom: 17, animate: false });
  }
}
