/**
 * Programs that read files nobody asked for: thumbnailers and indexers. For a file whose bytes are not here they get
 * EACCES, so that opening a folder of pictures downloads none of them. Known by the name of the process (the kernel keeps
 * its first 15 bytes), not by that of the thread that reads: tumblerd reads in threads called pool-tumblerd.
 */
import { readFileSync } from 'node:fs'

const COMMAND_NAMES: readonly string[] = [
  'tumblerd',
  'ffmpegthumbnailer',
  'totem-video-thumbnailer',
  'totem-gst-thumbnailer',
  'gdk-pixbuf-thumbnailer',
  'evince-thumbnailer',
  'gnome-thumbnail-font',
  'gsf-office-thumbnailer',
  'librsvg-thumbnailer',
  'rsvg-thumbnailer',
  'glycin-thumbnailer',
  'gst-thumbnailers',
  'thumbnail.so',
  'tracker-extract-3',
  'tracker-extract',
  'tracker-miner-fs-3',
  'tracker-miner-fs',
  'localsearch-extractor-3',
  'localsearch-3',
  'baloo_file',
  'baloo_file_extractor',
  'recollindex',
  'updatedb',
  'updatedb.plocate',
  'updatedb.mlocate',
]

const KERNEL_NAME_BYTES = 15 // TASK_COMM_LEN without the zero

const SHORT_NAMES: ReadonlySet<string> = new Set(COMMAND_NAMES.map((name) => name.slice(0, KERNEL_NAME_BYTES)))

/** Whether the thread that the kernel names in a request belongs to a thumbnailer or an indexer; false when it cannot be told. */
export function isPreviewReader(threadId: number): boolean {
  try {
    const process = /^Tgid:\s*(\d+)$/m.exec(readProc(`/proc/${threadId}/status`))?.[1]
    return process !== undefined && SHORT_NAMES.has(readProc(`/proc/${process}/comm`).trim())
  } catch {
    return false // the process has ended or lives in another pid namespace: treat it as anybody
  }
}

/** Synchronously: the kernel answers from memory, sooner than a single trip to the thread pool, of which there would be eight. */
function readProc(path: string): string {
  return readFileSync(path, 'utf8')
}
