// The land under what lives: boroughs, airspace, and an operator's own tiles if there are any. Nothing is fetched from elsewhere.

import type { ExpressionSpecification, Map as BaseMap, StyleSpecification } from "maplibre-gl";
import type { Boroughs, Zones } from "../api/deeds.ts";
import { palette } from "./palette.ts";

// Airspace made for these flights is where they may be: it is bordered, never hatched, or all that matters would lie under it.
const FOR_US = ["==", ["get", "kind"], "OPERATING_VOLUME"] as ExpressionSpecification;
const IDLE = ["all", ["!", FOR_US], ["!", ["get", "active"]]] as ExpressionSpecification;
const ACTIVE = ["all", ["!", FOR_US], ["get", "active"]] as ExpressionSpecification;

const NOTHING: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };
const HATCH = 16;

// What the licence of the boundaries asks to be said (Open Government Licence v3.0).
export const ATTRIBUTION =
  "Boundaries: Source: Office for National Statistics licensed under the Open Government Licence v3.0. Contains OS data © Crown copyright and database right";

export function style(): StyleSpecification {
  const colours = palette();
  const font = ["Inter Variable"]; // drawn with the page's own font: no glyphs are declared, none are fetched
  return {
    version: 8,
    sources: {
      boroughs: { type: "geojson", data: NOTHING, attribution: ATTRIBUTION },
      "borough-points": { type: "geojson", data: NOTHING },
      zones: { type: "geojson", data: NOTHING, promoteId: "zone_id" },
      "zone-points": { type: "geojson", data: NOTHING },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colours["map-land-out"] } },
      { id: "land", type: "fill", source: "boroughs", paint: { "fill-color": colours["map-land"], "fill-antialias": false } },
      {
        id: "borders", type: "line", source: "boroughs", layout: { "line-join": "round" },
        paint: { "line-color": colours["map-line"], "line-width": ["interpolate", ["linear"], ["zoom"], 9, 0.8, 14, 1.8] },
      },
      {
        id: "zones-idle", type: "fill", source: "zones", filter: IDLE,
        paint: { "fill-pattern": "hatch-idle", "fill-opacity": 0.5 },
      },
      {
        id: "zones-active", type: "fill", source: "zones", filter: ACTIVE,
        paint: { "fill-pattern": "hatch-active", "fill-opacity": 0.55 },
      },
      {
        id: "zones-idle-edge", type: "line", source: "zones", filter: IDLE,
        paint: { "line-color": colours["zone-idle"], "line-width": 1, "line-dasharray": [3, 3], "line-opacity": 0.7 },
      },
      {
        id: "zones-active-edge", type: "line", source: "zones", filter: ACTIVE,
        paint: { "line-color": colours["zone-active"], "line-width": 1.6, "line-opacity": 0.9 },
      },
      {
        id: "zones-ours-edge", type: "line", source: "zones", filter: FOR_US,
        paint: { "line-color": ["case", ["get", "active"], colours.ok, colours["zone-idle"]], "line-width": 1.6, "line-dasharray": [6, 2.5], "line-opacity": 0.7 },
      },
      {
        id: "zone-chosen", type: "line", source: "zones", filter: ["==", ["get", "zone_id"], ""],
        paint: { "line-color": colours.focus, "line-width": 2.5 },
      },
      {
        id: "zone-names", type: "symbol", source: "zone-points", minzoom: 11.2,
        filter: ["!", FOR_US],
        layout: { "text-field": ["get", "name"], "text-font": font, "text-size": 11, "text-max-width": 9 },
        paint: {
          "text-color": ["case", ["get", "active"], colours["zone-active"], colours["map-label"]],
          "text-halo-color": colours.ground, "text-halo-width": 1.5,
        },
      },
      {
        id: "borough-names", type: "symbol", source: "borough-points", maxzoom: 14,
        layout: {
          "text-field": ["get", "name"], "text-font": font, "text-max-width": 8, "text-letter-spacing": 0.04,
          "text-size": ["interpolate", ["linear"], ["zoom"], 9, 10, 13, 14],
        },
        paint: { "text-color": colours["map-label"], "text-halo-color": colours["map-land"], "text-halo-width": 1.2 },
      },
    ],
  };
}

/** The hatchings of zones: dense and leaning right where active, sparse and leaning left where not. */
export function addHatches(map: BaseMap): void {
  const colours = palette();
  map.addImage("hatch-active", hatch(colours["zone-active"], 1, 2.2), { pixelRatio: 2 });
  map.addImage("hatch-idle", hatch(colours["zone-idle"], -1, 1.2), { pixelRatio: 2 });
}

function hatch(colour: string, lean: 1 | -1, width: number): ImageData {
  const sheet = new OffscreenCanvas(HATCH, HATCH);
  const pen = sheet.getContext("2d") as OffscreenCanvasRenderingContext2D;
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  for (const shift of [-HATCH, 0, HATCH]) {
    pen.beginPath();
    pen.moveTo(shift - 2, lean > 0 ? HATCH + 2 : -2);
    pen.lineTo(shift + HATCH + 2, lean > 0 ? -2 : HATCH + 2);
    pen.stroke();
  }
  return pen.getImageData(0, 0, HATCH, HATCH);
}

/** Put an operator's own raster tiles under everything but the ground; boroughs are then only their borders. */
export function addTiles(map: BaseMap, url: string): void {
  if (map.getSource("tiles") !== undefined) return;
  map.addSource("tiles", { type: "raster", tiles: [url], tileSize: 256 });
  map.addLayer({ id: "tiles", type: "raster", source: "tiles", paint: { "raster-brightness-max": 0.55, "raster-saturation": -0.6 } }, "land");
  map.setPaintProperty("land", "fill-opacity", 0);
}

export function setBoroughs(map: BaseMap, boroughs: Boroughs): void {
  source(map, "boroughs")?.setData(boroughs);
  source(map, "borough-points")?.setData(middles(boroughs));
}

export function setZones(map: BaseMap, zones: Zones): void {
  source(map, "zones")?.setData(zones);
  source(map, "zone-points")?.setData(middles(zones));
}

export function markZone(map: BaseMap, zone: string): void {
  map.setFilter("zone-chosen", ["==", ["get", "zone_id"], zone]);
}

/** The zone at a point of the screen: the smallest drawn, so that one inside another can be had. */
export function zoneAt(map: BaseMap, point: { x: number; y: number }): string | null {
  const found = map.queryRenderedFeatures([point.x, point.y], { layers: ["zones-active", "zones-idle", "zones-ours-edge"] });
  const sized = found.map((feature) => ({ id: String(feature.properties["zone_id"]), size: extent(feature.geometry) }));
  return sized.sort((a, b) => a.size - b.size)[0]?.id ?? null;
}

/** One point for each area, for its name: the centre of gravity of its largest ring. The map's own would be one for each tile. */
export function middles(areas: GeoJSON.FeatureCollection): GeoJSON.FeatureCollection {
  const features = areas.features.flatMap((area) => {
    const rings = outerRings(area.geometry).map(middle);
    const largest = rings.sort((a, b) => b.size - a.size)[0];
    return largest === undefined ? [] : [{ ...area, geometry: { type: "Point" as const, coordinates: largest.at } }];
  });
  return { type: "FeatureCollection", features };
}

function outerRings(geometry: GeoJSON.Geometry): GeoJSON.Position[][] {
  if (geometry.type === "Polygon") return geometry.coordinates.slice(0, 1);
  return geometry.type === "MultiPolygon" ? geometry.coordinates.flatMap((polygon) => polygon.slice(0, 1)) : [];
}

function middle(ring: GeoJSON.Position[]): { at: [number, number]; size: number } {
  let [area, x, y] = [0, 0, 0];
  for (let n = 0; n < ring.length; n++) {
    const [x1 = 0, y1 = 0] = ring[n] ?? [];
    const [x2 = 0, y2 = 0] = ring[(n + 1) % ring.length] ?? [];
    const part = x1 * y2 - x2 * y1;
    area += part;
    x += (x1 + x2) * part;
    y += (y1 + y2) * part;
  }
  return { at: area === 0 ? [ring[0]?.[0] ?? 0, ring[0]?.[1] ?? 0] : [x / (3 * area), y / (3 * area)], size: Math.abs(area) };
}

function extent(geometry: GeoJSON.Geometry): number {
  if (geometry.type !== "Polygon" && geometry.type !== "MultiPolygon") return Number.POSITIVE_INFINITY;
  const points = geometry.coordinates.flat(geometry.type === "Polygon" ? 1 : 2) as number[][];
  const longitudes = points.map((point) => point[0] ?? 0);
  return Math.max(...longitudes) - Math.min(...longitudes);
}

interface DataSource {
  setData(data: GeoJSON.GeoJSON): unknown;
}

function source(map: BaseMap, name: string): DataSource | undefined {
  return map.getSource(name) as unknown as DataSource | undefined;
}
