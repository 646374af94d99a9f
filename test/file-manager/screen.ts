/**
 * The screen of an X server that keeps its picture in a file (`Xvfb -fbdir`, the format of xwd): reads it, writes it as a
 * PNG for a person and for tesseract, and reads the words on it.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { deflateSync } from 'node:zlib'
import { crc32 } from '../../src/portal/seeds/crc32.js'
import { run } from '../mount/playground.js'

export interface Picture {
  readonly width: number
  readonly height: number
  /** Three bytes a pixel: red, green, blue. */
  readonly pixels: Buffer
}

/** The part of the screen from its upper left corner; all of it where the part is larger. */
export async function readScreen(path: string, part: { readonly width: number; readonly height: number }): Promise<Picture> {
  const file = await readFile(path)
  const field = (index: number): number => file.readUInt32BE(index * 4) // XWDFile.h: header size, …, 4 width, 5 height, …
  const [width, height] = [Math.min(field(4), part.width), Math.min(field(5), part.height)]
  const [bitsPerPixel, bytesPerLine, colours] = [field(11), field(12), field(19)]
  if (bitsPerPixel !== 32) throw new Error(`the screen has ${bitsPerPixel} bits a pixel`)
  const start = field(0) + colours * 12
  const pixels = Buffer.alloc(width * height * 3)
  for (let y = 0, to = 0; y < height; y += 1) {
    for (let x = 0, from = start + y * bytesPerLine; x < width; x += 1, from += 4) {
      pixels[to++] = file[from + 2] ?? 0 // the bytes are blue, green, red, nothing
      pixels[to++] = file[from + 1] ?? 0
      pixels[to++] = file[from] ?? 0
    }
  }
  return { width, height, pixels }
}

/** As a PNG; each pixel becomes a square of `zoom` pixels. */
export function png({ width, height, pixels }: Picture, zoom = 1): Buffer {
  const lineBytes = 1 + width * zoom * 3 // a line begins with its filter, none
  const lines = Buffer.alloc(height * zoom * lineBytes)
  for (let y = 0; y < height * zoom; y += 1) {
    for (let x = 0; x < width * zoom; x += 1) {
      const from = (Math.floor(y / zoom) * width + Math.floor(x / zoom)) * 3
      pixels.copy(lines, y * lineBytes + 1 + x * 3, from, from + 3)
    }
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width * zoom, 0)
  header.writeUInt32BE(height * zoom, 4)
  header.set([8, 2], 8) // 8 bits, RGB
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(lines, { level: 1 })), chunk('IEND', Buffer.alloc(0))]
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  checksum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, checksum])
}

/** The words that tesseract finds, wherever they stand; `path` is a file for its use. */
export async function wordsOn(picture: Picture, path: string): Promise<string> {
  await writeFile(path, png(blackOnWhite(picture), 2)) // it expects the resolution of a scanner
  // A second thread would only take the processor from what is drawn.
  const { code, stdout, stderr } = await run('tesseract', [path, 'stdout', '--psm', '11'], { env: { ...process.env, OMP_THREAD_LIMIT: '1' } })
  if (code !== 0) throw new Error(`tesseract ended with ${String(code)}: ${stderr}`)
  return stdout
}

const LIGHT = 180 // above the grey of "Folder is Empty", below every background behind text

/** It passes over large grey letters. */
function blackOnWhite({ width, height, pixels }: Picture): Picture {
  const contrasted = Buffer.alloc(pixels.length, 255)
  for (let at = 0; at < pixels.length; at += 3) if (Math.max(...pixels.subarray(at, at + 3)) < LIGHT) contrasted.fill(0, at, at + 3)
  return { width, height, pixels: contrasted }
}
