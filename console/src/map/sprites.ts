// Signs drawn once and kept as pictures. Outlines and letters are dear to draw and there are hundreds; pictures put on whole pixels, with
// no turning or scaling, are cheap even where there is no graphics card.

export type Pen = OffscreenCanvasRenderingContext2D;

const KEPT = 3_000; // every sign there is, and some hundred labels; a few megabytes

export class Sprites {
  private readonly made = new Map<string, ImageBitmap>();
  private ratio = 1;

  /** Forget all and draw for screens with `ratio` pixels a CSS pixel from here on. */
  reset(ratio: number): void {
    for (const sprite of this.made.values()) sprite.close();
    this.made.clear();
    this.ratio = ratio;
  }

  /** The picture called `key`, of `width` × `height` CSS pixels; `draw` is called, once, with the middle at 0, 0. */
  get(key: string, width: number, height: number, draw: (pen: Pen) => void): ImageBitmap {
    const known = this.made.get(key);
    if (known !== undefined) return known;
    if (this.made.size >= KEPT) this.reset(this.ratio);
    const sheet = new OffscreenCanvas(Math.ceil(width * this.ratio), Math.ceil(height * this.ratio));
    const pen = sheet.getContext("2d") as Pen;
    pen.setTransform(this.ratio, 0, 0, this.ratio, sheet.width / 2, sheet.height / 2);
    draw(pen);
    const sprite = sheet.transferToImageBitmap();
    this.made.set(key, sprite);
    return sprite;
  }

  /** Put a picture with its middle at `x`, `y` (CSS pixels). `pen` must have the identity as its transform. */
  put(pen: CanvasRenderingContext2D, sprite: ImageBitmap, x: number, y: number): void {
    pen.drawImage(sprite, Math.round(x * this.ratio - sprite.width / 2), Math.round(y * this.ratio - sprite.height / 2));
  }
}
