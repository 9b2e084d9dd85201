// Hands on a picture: wheel, drag, pinch and keys, as changes of the zoom.

import { type RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { panned, WHOLE, type Zoom, zoomed } from "./zoom.ts";

const STEP = 1.5;
const WHEEL_STEP = 1.2;
const KEY_PAN = 0.15;
/** A hand that moved less meant a press. */
const PRESS_PX = 5;

interface Point {
  x: number;
  y: number;
}

export interface Gestures {
  readonly zoom: Zoom;
  readonly nearer: () => void;
  readonly further: () => void;
  readonly whole: () => void;
  /** Says whether the key was meant for the picture. */
  readonly key: (key: string) => boolean;
}

/** `onPress` is told of presses that moved nothing. */
export function useGestures(frame: RefObject<HTMLElement | null>, onPress: (event: PointerEvent) => void): Gestures {
  const [zoom, setZoom] = useState(WHOLE);
  const now = useRef(zoom);
  now.current = zoom;
  const press = useRef(onPress);
  press.current = onPress;
  const change = (next: Zoom): void => {
    now.current = next;
    setZoom(next);
  };
  useEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const down = new Map<number, Point>();
    let moved = 0;
    let most = 0; // fingers of this gesture
    const share = (x: number, y: number): Point => {
      const box = element.getBoundingClientRect();
      return { x: (x - box.left) / box.width, y: (y - box.top) / box.height };
    };
    const onWheel = (event: WheelEvent): void => {
      // At the whole picture a wheel that turns back scrolls the page, as anywhere.
      if (event.deltaY > 0 && now.current.scale === 1) return;
      event.preventDefault();
      change(zoomed(now.current, event.deltaY < 0 ? WHEEL_STEP : 1 / WHEEL_STEP, share(event.clientX, event.clientY)));
    };
    const onDown = (event: PointerEvent): void => {
      if (down.size === 0) [moved, most] = [0, 0];
      down.set(event.pointerId, { x: event.clientX, y: event.clientY });
      most = Math.max(most, down.size);
    };
    const onMove = (event: PointerEvent): void => {
      const before = down.get(event.pointerId);
      if (before === undefined) return;
      const after = { x: event.clientX, y: event.clientY };
      const [dx, dy] = [after.x - before.x, after.y - before.y];
      moved += Math.hypot(dx, dy);
      if (moved >= PRESS_PX && !element.hasPointerCapture(event.pointerId)) element.setPointerCapture(event.pointerId);
      const box = element.getBoundingClientRect();
      const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
      if (other !== undefined) {
        const factor = Math.hypot(after.x - other.x, after.y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
        change(zoomed(now.current, factor, share((after.x + other.x) / 2, (after.y + other.y) / 2)));
        change(panned(now.current, dx / 2 / box.width, dy / 2 / box.height));
      } else if (now.current.scale > 1) {
        change(panned(now.current, dx / box.width, dy / box.height));
      }
      down.set(event.pointerId, after);
    };
    const onUp = (event: PointerEvent): void => {
      if (!down.delete(event.pointerId)) return;
      if (event.type === "pointerup" && most === 1 && moved < PRESS_PX && event.button === 0) press.current(event);
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    element.addEventListener("pointerdown", onDown);
    element.addEventListener("pointermove", onMove);
    element.addEventListener("pointerup", onUp);
    element.addEventListener("pointercancel", onUp);
    return () => {
      element.removeEventListener("wheel", onWheel);
      element.removeEventListener("pointerdown", onDown);
      element.removeEventListener("pointermove", onMove);
      element.removeEventListener("pointerup", onUp);
      element.removeEventListener("pointercancel", onUp);
    };
  }, []);
  const nearer = (): void => change(zoomed(now.current, STEP));
  const further = (): void => change(zoomed(now.current, 1 / STEP));
  const whole = (): void => change(WHOLE);
  const key = (pressed: string): boolean => {
    const pan = PAN[pressed];
    if (pressed === "+" || pressed === "=") nearer();
    else if (pressed === "-" || pressed === "−") further();
    else if (pressed === "0") whole();
    else if (pan !== undefined && now.current.scale > 1) change(panned(now.current, pan[0] * KEY_PAN, pan[1] * KEY_PAN));
    else return false;
    return true;
  };
  return { zoom, nearer, further, whole, key };
}

// The arrow says where to look; the picture goes the other way.
const PAN: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
