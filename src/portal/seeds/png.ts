/**
 * Draws a picture from a number: a sky, hills and a sun whose colours and shapes follow from it, as a valid PNG. Stored
 * without compression, so that its size does not depend on a library.
 */
import { crc32 } from './crc32.js'

const WIDTH = 240
const HEIGHT = 160
const STORED_BLOCK_BYTES = 65_535

export function pictureBytes(seed: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(WIDTH, 0)
  header.writeUInt32BE(HEIGHT, 4)
  header.set([8, 2, 0, 0, 0], 8) // 8 bits, RGB
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('IDAT', stored(pixels(seed))), chunk('IEND', Buffer.alloc(0))])
}

type Colour = readonly [number, number, number]

function pixels(seed: number): Buffer {
  const rows = Buffer.alloc(HEIGHT * (1 + WIDTH * 3))
  const hue = (seed * 0.618_034) % 1
  const sun = { x: 40 + ((seed * 53) % (WIDTH - 80)), y: 20 + ((seed * 29) % 50), radius: 12 + (seed % 9) }
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const hill = HEIGHT * 0.65 + 18 * Math.sin(x / (19 + (seed % 13)) + seed) + 9 * Math.sin(x / 7 + seed * 2)
      const isSun = (x - sun.x) ** 2 + (y - sun.y) ** 2 < sun.radius ** 2
      const colour = y > hill ? shade(hue + 0.3, 0.25 + ((HEIGHT - y) / HEIGHT) * 0.6) : isSun ? ([255, 236, 150] as const) : shade(hue, 0.55 + (y / HEIGHT) * 0.45)
      rows.set(colour, y * (1 + WIDTH * 3) + 1 + x * 3)
    }
  }
  return rows
}

function shade(hue: number, light: number): Colour {
  const channel = (turn: number): number => Math.round(255 * light * (0.6 + 0.4 * Math.cos(2 * Math.PI * (hue + turn))))
  return [channel(0), channel(1 / 3), channel(2 / 3)]
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, checksum])
}

/** A zlib stream of stored blocks. */
function stored(data: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from([0x78, 0x01])]
  for (let at = 0; at < data.length; at += STORED_BLOCK_BYTES) {
    const block = data.subarray(at, at + STORED_BLOCK_BYTES)
    const head = Buffer.alloc(5)
    head[0] = at + STORED_BLOCK_BYTES >= data.length ? 1 : 0
    head.writeUInt16LE(block.length, 1)
    head.writeUInt16LE(~block.length & 0xffff, 3)
    parts.push(head, block)
  }
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(adler32(data))
  return Buffer.concat([...parts, checksum])
}

function adler32(data: Buffer): number {
  let low = 1
  let high = 0
  for (const byte of data) {
    low = (low + byte) % 65_521
    high = (high + low) % 65_521
  }
  return ((high << 16) | low) >>> 0
}
