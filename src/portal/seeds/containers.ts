/**
 * Headers of large files whose bytes are computed: a video's boxes up to its data, and a tape archive with one member.
 */

/** `ftyp` and the head of an `mdat` that reaches to the end of the file, with a 64-bit length. */
export function videoHead(sizeBytes: number): Buffer {
  const type = Buffer.from('\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41', 'latin1')
  const data = Buffer.alloc(16)
  data.writeUInt32BE(1, 0)
  data.write('mdat', 4, 'latin1')
  data.writeBigUInt64BE(BigInt(sizeBytes - type.length), 8)
  return Buffer.concat([type, data])
}

/** The header of a tar whose one member is the rest of the file; `sizeBytes` is a multiple of 512. */
export function tarHead(sizeBytes: number): Buffer {
  const header = Buffer.alloc(512)
  const octal = (value: number, at: number, digits: number): void => {
    header.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1')
  }
  header.write('backup/disk.img', 0, 'latin1')
  octal(0o644, 100, 7)
  octal(0, 108, 7)
  octal(0, 116, 7)
  octal(sizeBytes - header.length, 124, 11)
  octal(1_767_225_600, 136, 11)
  header.write(' '.repeat(8), 148, 'latin1') // the checksum counts as blanks
  header.write('0', 156, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  )
  return header
}
