/** Rows about drives with a million known items: start, memory, and what a single step costs beside a small drive. */
import { setTimeout as sleep } from 'node:timers/promises'
import { canDropCaches, dropCaches, tell, work, workOutput, type Bench, type RowGroup } from './bench.js'
import type { TreeShape } from './disk-files.js'
import type { Drive } from './drive.js'
import { knownDrive } from './known-items.js'
import { digits, ratios, spreadOf } from './spread.js'

const FEW: TreeShape = { folders: 100, filesEach: 100 }
const MANY: TreeShape = { folders: 10_000, filesEach: 100 }
const WIDE: TreeShape = { folders: 10, filesEach: 1000 }

const SETTLE_MS = 10_000
const STARTS = 3
/** Sampled steps: some files in some folders, everywhere in the drive. */
const SAMPLE = { folders: 50, filesEach: 4 }
/** What is called flat, or linear, on a machine that does other things. */
const FLAT = 1.5
const STEPS = ['lookup', 'open', 'read'] as const

export const manyItemsRows: RowGroup = {
  rows: ['start-1m', 'memory-1m', 'cost-growth'],
  onlyFirstUser: true,
  measure: async (bench) => {
    const million = await knownDrive(bench, 'million', MANY)
    if (bench.wants('start-1m')) await start(bench, million)
    if (bench.wants('memory-1m')) await memory(bench, million)
    if (bench.wants('cost-growth') && canDropCaches) await growth(bench, million)
  },
}

async function start(bench: Bench, drive: Drive): Promise<void> {
  const seconds: number[] = []
  for (let round = 0; round < STARTS; round += 1) {
    const startMs = performance.now()
    await drive.mount()
    seconds.push((performance.now() - startMs) / 1000)
    await drive.unmount()
  }
  tell(bench, { row: 'start-1m', work: 'the command mount until the folder answers, 1,000,000 known items', measured: spreadOf(seconds), unit: 's', goal: { atMost: 1.5 }, notes: ['items written into the database from a listed pattern'] })
}

async function memory(bench: Bench, drive: Drive): Promise<void> {
  await drive.mount()
  await sleep(SETTLE_MS, undefined, { signal: bench.signal })
  const megabytes = await drive.residentMB()
  await drive.unmount()
  tell(bench, { row: 'memory-1m', work: 'resident memory, 1,000,000 known items, mounted, before any walk', measured: spreadOf([megabytes]), unit: 'MB', goal: { atMost: 150 }, notes: [`${SETTLE_MS / 1000} s after mounting`] })
}

type Costs = Readonly<Record<string, number>>

/** Every drive is mounted anew and the kernel's caches are dropped before each round, so each step is a first one. */
async function growth(bench: Bench, million: Drive): Promise<void> {
  const drives = { few: await knownDrive(bench, 'few', FEW), many: million, wide: await knownDrive(bench, 'wide', WIDE) }
  const shapes = { few: FEW, many: MANY, wide: WIDE }
  const names = ['few', 'many', 'wide'] as const
  for (const name of names) {
    await drives[name].mount()
    await work(bench, 'person', ['many', '8'], sample(drives[name].folder, shapes[name])) // from here on they are in the cache
    await drives[name].unmount()
  }
  const costs: Record<(typeof names)[number], Costs[]> = { few: [], many: [], wide: [] }
  for (let round = 0; round < bench.sizes.runs; round += 1) {
    for (const name of names) {
      await drives[name].mount()
      await dropCaches(bench)
      costs[name].push(await costsOf(bench, sample(drives[name].folder, shapes[name])))
      await drives[name].unmount()
    }
  }
  const of = (name: keyof typeof costs, step: string, divisor = 1): readonly number[] => costs[name].map((round) => (round[step] ?? Number.NaN) / divisor)
  for (const step of [...STEPS, 'readdir']) {
    const work = step === 'readdir' ? 'readdir of 100 files' : step
    const notes = [`${digits(spreadOf(of('few', step)).median)} µs and ${digits(spreadOf(of('many', step)).median)} µs, daemon and kernel fresh`]
    tell(bench, { row: 'cost-growth', work: `cost of ${work} with 1,000,000 known items beside 10,000`, measured: ratios(of('many', step), of('few', step)), unit: '×', goal: { atMost: FLAT }, notes })
  }
  const perEntry = ratios(of('wide', 'readdir', WIDE.filesEach), of('few', 'readdir', FEW.filesEach))
  tell(bench, { row: 'cost-growth', work: 'cost of readdir for each entry, folders of 1,000 files beside 100', measured: perEntry, unit: '×', goal: { atMost: FLAT }, notes: [] })
}

function sample(folder: string, { folders, filesEach }: TreeShape): readonly string[] {
  const paths: string[] = []
  const folderStep = Math.max(1, Math.floor(folders / SAMPLE.folders))
  for (let number = 1; number <= folders; number += folderStep) {
    for (let index = 1; index <= SAMPLE.filesEach; index += 1) paths.push(`${folder}/${pathOf(number, folders)}/file-${String(index).padStart(String(filesEach).length, '0')}.dat`)
  }
  return paths
}

/** Folder i lies in folder (i-1) div 10. */
function pathOf(number: number, folders: number): string {
  const name = `folder-${String(number).padStart(String(folders).length, '0')}`
  const parent = Math.floor((number - 1) / 10)
  return parent === 0 ? name : `${pathOf(parent, folders)}/${name}`
}

async function costsOf(bench: Bench, paths: readonly string[]): Promise<Costs> {
  const stdout = await workOutput(bench, 'person', ['costs'], paths)
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([step = '', microseconds]) => [step, Number(microseconds)]),
  )
}
