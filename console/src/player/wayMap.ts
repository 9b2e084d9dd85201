// The drone's way on the map: where it flew, where it is, and the place in the middle of its picture.

import "maplibre-gl/dist/maplibre-gl.css";
import { AttributionControl, type GeoJSONSource, Map as BaseMap, NavigationControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { boroughs } from "../api/deeds.ts";
import type { PathPoint } from "../api/footage.ts";
import { run } from "../feed/store.ts";
import { addTiles, setBoroughs, style } from "../map/base.ts";
import { addHatches } from "../map/base.ts";
import { palette } from "../map/palette.ts";
import { placeAt } from "./way.ts";

setWorkerUrl(workerUrl);

const NOTHING: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

export class WayMap {
  private readonly map: BaseMap;
  private readonly path: readonly PathPoint[];
  private ready = false;
  private at_us = 0;

  /** Throws when the browser cannot draw it. */
  constructor(host: HTMLElement, path: readonly PathPoint[]) {
    this.path = path;
    const lons = path.flatMap((one) => [one.lon, one.look?.[1] ?? one.lon]);
    const lats = path.flatMap((one) => [one.lat, one.look?.[0] ?? one.lat]);
    this.map = new BaseMap({
      container: host, style: style(), attributionControl: false, dragRotate: false, pitchWithRotate: false, fadeDuration: 0,
      renderWorldCopies: false, minZoom: 7, maxZoom: 19,
      ...(path.length === 0
        ? { center: [-0.11, 51.53] as [number, number], zoom: 11 }
        : { bounds: [[Math.min(...lons), Math.min(...lats)], [Math.max(...lons), Math.max(...lats)]], fitBoundsOptions: { padding: 40, maxZoom: 17 } }),
    });
    this.map.keyboard.disableRotation();
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new NavigationControl({ showCompass: false }), "bottom-right");
    this.map.addControl(new ScaleControl({ maxWidth: 100, unit: "metric" }), "bottom-left");
    this.map.addControl(new AttributionControl({ compact: true }), "top-right");
    const canvas = this.map.getCanvas();
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "The drone’s way. Arrow keys move the map, plus and minus zoom. Where the drone is stands below the picture as text.");
    this.map.once("style.load", () => this.dress());
    this.map.once("idle", () => {
      const credit = host.querySelector(".maplibregl-ctrl-attrib");
      credit?.classList.remove("maplibregl-compact-show");
      credit?.removeAttribute("open");
    });
  }

  remove(): void {
    this.map.remove();
  }

  show(at_us: number): void {
    this.at_us = at_us;
    if (!this.ready) return;
    const here = placeAt(this.path, at_us);
    const source = this.map.getSource<GeoJSONSource>("now");
    if (source === undefined) return;
    if (here === null) return void source.setData(NOTHING);
    const flown = this.path.filter((one) => one.at_us <= at_us).map((one): [number, number] => [one.lon, one.lat]);
    const drone: [number, number] = [here.lon, here.lat];
    const features: GeoJSON.Feature[] = [
      point("drone", drone),
      line("nose", [drone, ahead(here, 14)]),
      ...(flown.length > 0 ? [line("flown", [...flown, drone])] : []),
      ...(here.look === null ? [] : [line("sight", [drone, [here.look[1], here.look[0]]]), point("look", [here.look[1], here.look[0]])]),
    ];
    source.setData({ type: "FeatureCollection", features });
  }

  private dress(): void {
    addHatches(this.map);
    const tiles = run.peek()?.tiles_url;
    if (tiles) addTiles(this.map, tiles);
    void boroughs().then((land) => setBoroughs(this.map, land), () => undefined); // without it the map is plain, and works
    const colours = palette();
    const of = (kind: string) => ["==", ["get", "kind"], kind] as never;
    const way = this.path.map((one): [number, number] => [one.lon, one.lat]);
    this.map.addSource("way", { type: "geojson", data: way.length > 1 ? line("way", way) : NOTHING });
    this.map.addSource("now", { type: "geojson", data: NOTHING });
    this.map.addLayer({ id: "way", type: "line", source: "way", paint: { "line-color": colours["text-dim"], "line-width": 1.5, "line-dasharray": [2, 2] } });
    this.map.addLayer({ id: "flown", type: "line", source: "now", filter: of("flown"), paint: { "line-color": colours.accent, "line-width": 2.5 } });
    this.map.addLayer({ id: "sight", type: "line", source: "now", filter: of("sight"), paint: { "line-color": colours.warning, "line-width": 1.5, "line-dasharray": [3, 2] } });
    this.map.addLayer({ id: "nose", type: "line", source: "now", filter: of("nose"), paint: { "line-color": colours.accent, "line-width": 4 } });
    this.map.addLayer({
      id: "look", type: "circle", source: "now", filter: of("look"),
      paint: { "circle-radius": 7, "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": colours.warning, "circle-stroke-width": 2.5 },
    });
    this.map.addLayer({
      id: "drone", type: "circle", source: "now", filter: of("drone"),
      paint: { "circle-radius": 6, "circle-color": colours.accent, "circle-stroke-color": colours["on-bright"], "circle-stroke-width": 2 },
    });
    this.ready = true;
    this.show(this.at_us);
  }
}

function point(kind: string, at: [number, number]): GeoJSON.Feature {
  return { type: "Feature", properties: { kind }, geometry: { type: "Point", coordinates: at } };
}

function line(kind: string, along: [number, number][]): GeoJSON.Feature {
  return { type: "Feature", properties: { kind }, geometry: { type: "LineString", coordinates: along } };
}

function ahead(here: PathPoint, metres: number): [number, number] {
  const turn = (here.heading_deg * Math.PI) / 180;
  const north = (metres * Math.cos(turn)) / 111_320;
  const east = (metres * Math.sin(turn)) / (111_320 * Math.cos((here.lat * Math.PI) / 180));
  return [here.lon + east, here.lat + north];
}
