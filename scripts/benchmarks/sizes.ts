/** How much of each thing a run measures: the goals' own counts, or what fits into a few minutes. Pure. */

export interface Sizes {
  readonly runs: number
  /** Folders × files of the drive that is walked. */
  readonly walk: { readonly folders: number; readonly filesEach: number }
  readonly bigBytes: number
  readonly smallFiles: number
  readonly pages: number
  readonly createdFiles: number
  /** Of one folder, read by eight readers. */
  readonly readersFiles: number
  readonly planFiles: number
  readonly idleSeconds: number
  readonly changes: number
  /** Each, of use and of idleness, from which an hour is told; 0: not at all. */
  readonly hourMinutes: number
  /** What rclone gets, which takes so much longer. */
  readonly rclone: { readonly smallFiles: number; readonly pages: number; readonly createdFiles: number }
}

const MIB = 2 ** 20

export const FULL: Sizes = {
  runs: 5,
  walk: { folders: 100, filesEach: 1000 },
  bigBytes: 1024 * MIB,
  smallFiles: 10_000,
  pages: 20_000,
  createdFiles: 1000,
  readersFiles: 1000,
  planFiles: 300,
  idleSeconds: 60,
  changes: 4,
  hourMinutes: 5,
  rclone: { smallFiles: 2000, pages: 5000, createdFiles: 1000 },
}

export const QUICK: Sizes = {
  runs: 3,
  walk: { folders: 100, filesEach: 1000 },
  bigBytes: 256 * MIB,
  smallFiles: 2000,
  pages: 5000,
  createdFiles: 1000,
  readersFiles: 400,
  planFiles: 120, // of fewer, the 4 % of the bucket that stay free for others are more than the goal allows
  idleSeconds: 20,
  changes: 1,
  hourMinutes: 0,
  rclone: { smallFiles: 500, pages: 1000, createdFiles: 300 },
}

/** The portal's latency, and the proxy's, where nothing else is said. */
export const LATENCY_MS = 50
