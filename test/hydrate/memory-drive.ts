/** A drive in memory with one file and its history: what is asked for is recorded, and each answer can be disturbed. */
import type { ByteRange } from '../../src/base/byte-ranges.js'
import { DriveError } from '../../src/base/errors.js'
import { asRemoteId, asStorageId } from '../../src/base/ids.js'
import type { CallOptions, Download, Drive, RemoteFile, RemoteVersion } from '../../src/drive/drive.js'

type Unused = Omit<Drive, 'getFile' | 'getFiles' | 'download' | 'versions' | 'downloadVersion'>

/** What happens to one answer; the bytes given before it happens count as sent. */
export type Disturbance =
  | { readonly kind: 'break'; readonly afterBytes: number; readonly error: DriveError }
  | { readonly kind: 'stall'; readonly afterBytes: number }

export interface Asked {
  readonly range: ByteRange | undefined
  readonly versionId: string | undefined
  sentBytes: number
  readonly priority: string
}

export class MemoryDrive {
  readonly fileId = asRemoteId('17')
  /** Contents by version number; the last one is the newest. */
  readonly history: Uint8Array[]
  readonly asked: Asked[] = []
  looks = 0
  peakDownloads = 0
  downloads = 0
  servesRanges = true
  keepsHistory = true
  pieceBytes = 64 * 1024
  /** Before each piece; for pacing. */
  beforePiece: (offset: number, asked: Asked) => Promise<void> = () => Promise.resolve()
  beforeLook: () => Promise<void> = () => Promise.resolve()
  /** Between a look and its download. */
  beforeDownload: () => void = () => undefined
  readonly disturbances: Disturbance[] = []
  readonly lookFailures: DriveError[] = []

  constructor(bytes: Uint8Array) {
    this.history = [bytes]
  }

  get sentBytes(): number {
    return this.asked.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
  }

  get version(): number {
    return this.history.length
  }

  file(version = this.version): RemoteFile {
    return {
      kind: 'file', id: this.fileId, name: 'model.bin', code: null, storageId: asStorageId('1'), parentId: asRemoteId('2'), deletedType: 0,
      createdMs: 0, updatedMs: 0, createdBy: '1', updatedBy: '1', detailUrl: null,
      version, blobId: `blob-${version}`, sizeBytes: this.bytes(version).length, downloadUrl: 'memory:',
    }
  }

  bytes(version = this.version): Uint8Array {
    return this.history[version - 1]!
  }

  asDrive(): Drive {
    const unused = (): never => {
      throw new DriveError('unsupported', 'not in this drive')
    }
    const others: Unused = {
      account: unused, ownStorage: unused, storages: unused, getFolder: unused, itemStates: unused, listPages: unused, uploadNew: unused, uploadVersion: unused,
      createFolder: unused, rename: unused, move: unused, trash: unused, restore: unused, childrenNamed: unused,
    }
    return {
      ...others,
      getFile: () => this.#look(),
      getFiles: async (take) => {
        const asked = take()
        if (asked.length === 0) return []
        const value = await this.#look()
        return asked.map(() => ({ ok: true, value }))
      },
      download: (file, range, call) => {
        this.beforeDownload()
        if (this.bytes().length !== file.sizeBytes) return Promise.reject(new DriveError('bad-answer', 'another length'))
        return Promise.resolve(this.#answer(this.bytes(), range, undefined, call))
      },
      versions: () => {
        if (!this.keepsHistory) return Promise.reject(new DriveError('unknown-method', 'no history on this plan'))
        return Promise.resolve(this.history.map((bytes, index): RemoteVersion => ({ id: `v${index + 1}`, version: index + 1, sizeBytes: bytes.length, createdMs: 0, createdBy: '1', downloadUrl: 'memory:' })))
      },
      downloadVersion: (version, range, call) => Promise.resolve(this.#answer(this.bytes(version.version), range, version.id, call)),
    }
  }

  async #look(): Promise<RemoteFile> {
    this.looks += 1
    await this.beforeLook()
    const failure = this.lookFailures.shift()
    if (failure !== undefined) throw failure
    return this.file()
  }

  #answer(bytes: Uint8Array, range: ByteRange | undefined, versionId: string | undefined, call: CallOptions): Download {
    const carried = range !== undefined && this.servesRanges ? range : { start: 0, end: bytes.length }
    const asked: Asked = { range, versionId, sentBytes: 0, priority: call.priority }
    this.asked.push(asked)
    return { range: carried, body: this.#body(bytes, carried, asked, call.signal) }
  }

  async *#body(bytes: Uint8Array, range: ByteRange, asked: Asked, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    const disturbance = this.disturbances.shift()
    this.downloads += 1
    this.peakDownloads = Math.max(this.peakDownloads, this.downloads)
    try {
      for (let offset = range.start; offset < range.end; offset += this.pieceBytes) {
        await this.beforePiece(offset, asked)
        signal?.throwIfAborted()
        if (disturbance !== undefined && offset - range.start >= disturbance.afterBytes) {
          if (disturbance.kind === 'break') throw disturbance.error
          await new Promise((_resolve, reject) => {
            signal?.addEventListener('abort', () => {
              reject(new DriveError('cancelled', 'cut'))
            })
          })
        }
        const piece = bytes.subarray(offset, Math.min(offset + this.pieceBytes, range.end))
        asked.sentBytes += piece.length
        yield piece
      }
    } finally {
      this.downloads -= 1
    }
  }
}

/** A gate that holds everybody who waits at it until it is opened. */
export class Gate {
  #open: () => void = () => undefined
  readonly opened = new Promise<void>((resolve) => {
    this.#open = resolve
  })

  open(): void {
    this.#open()
  }
}
