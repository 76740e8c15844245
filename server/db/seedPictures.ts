import { createHash } from "node:crypto";
import { crc32, deflateSync } from "node:zlib";

/** A picture of the demo: a drawn person, or the same person in a garment. */
export type SeedPicture = {
  file: string;
  kind: "selfie" | "result";
  categoryCode: string | null;
  person: number;
  data: Buffer;
  sha256: Buffer;
};

type Color = readonly [number, number, number];
/** A shape of the drawing: an ellipse or a box around a middle, in percent. */
type Shape = {
  box?: true;
  x: number;
  y: number;
  w: number;
  h: number;
};

const WIDTH = 96;
const HEIGHT = 128;

const SKINS: Color[] = [
  [241, 206, 180],
  [214, 165, 128],
  [168, 116, 80],
  [120, 78, 52],
  [232, 190, 158],
  [92, 60, 42],
];
const HAIRS: Color[] = [
  [60, 42, 34],
  [28, 24, 26],
  [36, 28, 24],
  [24, 20, 20],
  [164, 112, 62],
  [30, 26, 30],
];
const GROUNDS: Color[] = [
  [226, 222, 214],
  [208, 220, 224],
  [230, 216, 208],
  [216, 222, 208],
  [222, 214, 228],
  [232, 226, 204],
];
const GARMENTS: Color[] = [
  [40, 66, 116],
  [150, 40, 58],
  [52, 96, 78],
  [34, 34, 40],
  [196, 148, 72],
  [112, 70, 130],
];

const HAIR: Shape = { x: 50, y: 17, w: 15, h: 12 };
const BODY: Shape[] = [
  { x: 50, y: 20, w: 12, h: 11 },
  { box: true, x: 50, y: 33, w: 5, h: 5 },
  { box: true, x: 50, y: 50, w: 17, h: 17 },
  { box: true, x: 30, y: 49, w: 4, h: 16 },
  { box: true, x: 70, y: 49, w: 4, h: 16 },
  { box: true, x: 42, y: 82, w: 7, h: 17 },
  { box: true, x: 58, y: 82, w: 7, h: 17 },
];
const SHIRT: Shape = { box: true, x: 50, y: 50, w: 17, h: 16 };

/** Where each category sits on the drawn person. */
const WORN: Record<string, Shape[]> = {
  tops: [SHIRT, { box: true, x: 50, y: 42, w: 24, h: 7 }],
  bottoms: [
    { box: true, x: 42, y: 80, w: 8, h: 17 },
    { box: true, x: 58, y: 80, w: 8, h: 17 },
    { box: true, x: 50, y: 66, w: 16, h: 4 },
  ],
  dresses: [
    { box: true, x: 50, y: 47, w: 16, h: 13 },
    { x: 50, y: 76, w: 25, h: 20 },
  ],
  jackets: [
    { box: true, x: 37, y: 51, w: 7, h: 19 },
    { box: true, x: 63, y: 51, w: 7, h: 19 },
    { box: true, x: 29, y: 50, w: 5, h: 17 },
    { box: true, x: 71, y: 50, w: 5, h: 17 },
  ],
  bags: [
    { box: true, x: 74, y: 70, w: 10, h: 9 },
    { box: true, x: 74, y: 54, w: 1, h: 9 },
  ],
  scarves: [
    { x: 50, y: 36, w: 13, h: 5 },
    { box: true, x: 44, y: 50, w: 4, h: 14 },
  ],
  hats: [
    { x: 50, y: 10, w: 13, h: 7 },
    { box: true, x: 50, y: 14, w: 20, h: 1.5 },
  ],
  belts: [{ box: true, x: 50, y: 64, w: 17, h: 2.5 }],
  sneakers: [
    { x: 40, y: 97, w: 10, h: 4 },
    { x: 60, y: 97, w: 10, h: 4 },
  ],
  heels: [
    { x: 41, y: 97, w: 9, h: 3 },
    { x: 59, y: 97, w: 9, h: 3 },
  ],
  boots: [
    { box: true, x: 42, y: 90, w: 8, h: 9 },
    { box: true, x: 58, y: 90, w: 8, h: 9 },
  ],
  jewelry: [
    { x: 50, y: 38, w: 6, h: 3 },
    { x: 30, y: 66, w: 4, h: 2 },
  ],
};

/** Every picture of the demo: six people, each alone and in each category. */
export function drawSeedPictures(): SeedPicture[] {
  return SKINS.flatMap((_, person) =>
    [null, ...Object.keys(WORN)].map((categoryCode): SeedPicture => {
      const data = draw(person, categoryCode);
      const kind = categoryCode === null ? "selfie" : "result";
      return {
        file: `${kind}-${categoryCode ?? "alone"}-${person}`,
        kind,
        categoryCode,
        person,
        data,
        sha256: createHash("sha256").update(data).digest(),
      };
    }),
  );
}

function draw(person: number, categoryCode: string | null): Buffer {
  const category = Object.keys(WORN).indexOf(categoryCode ?? "");
  const palette = [
    GROUNDS[person],
    HAIRS[person],
    SKINS[person],
    [236, 236, 238] as const,
    GARMENTS[(person + category) % GARMENTS.length],
  ].map((color): Color => color ?? [0, 0, 0]);
  // One byte a row says "not filtered", then a palette number for each pixel.
  const rows = Buffer.alloc(HEIGHT * (WIDTH + 1));
  const paint = (shape: Shape, color: number) => {
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        const dx = Math.abs((x * 100) / WIDTH - shape.x) / shape.w;
        const dy = Math.abs((y * 100) / HEIGHT - shape.y) / shape.h;
        const inside =
          shape.box === true ? dx <= 1 && dy <= 1 : dx * dx + dy * dy <= 1;
        if (inside) rows[y * (WIDTH + 1) + 1 + x] = color;
      }
    }
  };
  paint(HAIR, 1);
  for (const shape of BODY) paint(shape, 2);
  paint(SHIRT, 3);
  for (const shape of WORN[categoryCode ?? ""] ?? []) paint(shape, 4);
  return encodePng(palette, rows);
}

/** A PNG with a palette; rows begin with their filter byte. */
function encodePng(palette: readonly Color[], rows: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(HEIGHT, 4);
  // Eight bits a pixel, a palette, the one compression and filter there is.
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flat())),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(named), 4);
  return Buffer.concat([frame.subarray(0, 4), named, frame.subarray(4)]);
}
