import { crc32, deflateSync } from "node:zlib";

const WIDTH = 96;
const HEIGHT = 128;
const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);

/** A small PNG: a person in front of a wall, wearing the colour of this number. */
export function drawPicture(seed: number): Buffer {
  const hue = (seed * 137.508) % 360;
  const palette = Buffer.concat([
    Buffer.from([238, 236, 232]),
    Buffer.from(toRgb(hue, 0.55, 0.5)),
    Buffer.from(toRgb((seed * 61) % 40, 0.35, 0.6)),
  ]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(HEIGHT, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const pixels = Buffer.alloc((WIDTH + 1) * HEIGHT);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      pixels[y * (WIDTH + 1) + 1 + x] = colourAt(x, y);
    }
  }
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("PLTE", palette),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** 0 the wall, 1 the garment, 2 skin. */
function colourAt(x: number, y: number): number {
  const dx = x - WIDTH / 2;
  if (dx ** 2 + (y - 28) ** 2 < 14 ** 2) return 2;
  if (y > 46 && Math.abs(dx) < 20 + (y - 46) * 0.12) return 1;
  if (y > 40 && y <= 46 && Math.abs(dx) < 5) return 2;
  return 0;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "ascii"), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc32(body), body.length + 4);
  return whole;
}

function toRgb(hue: number, saturation: number, lightness: number): number[] {
  const a = saturation * Math.min(lightness, 1 - lightness);
  return [0, 8, 4].map((n) => {
    const k = (n + hue / 30) % 12;
    const value = lightness - a * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(value * 255);
  });
}
