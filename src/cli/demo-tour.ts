/**
 * The tour of the demo: what a person would see and do on the first day, as a list of steps. Each does something with the
 * real program and checks on the portal that it came to pass; the first that does not hold ends the tour.
 */
import { createHash } from 'node:crypto'
import { appendFile, readdir, readFile, rename, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DriveError } from '../base/errors.js'
import { MAX_LOCAL_NAME_BYTES } from '../base/names.js'
import { findMount } from '../engine/mount-table.js'
import type { DemoStage, PortalObject } from './demo-stage.js'
import { bytesInWords, countInWords } from './words.js'

export interface DemoStep {
  readonly title: string
  /** Answers what was seen; throws when it was not what it should be. */
  readonly run: (stage: DemoStage) => Promise<string>
}

const SYNC_SECONDS = '30'
const SMALL_FILE_BYTES = 1_000_000
const EDIT = 'A line written on this computer.\n'
const COLLEAGUES_FILE = 'From a colleague.txt'
const COLLEAGUES_WORDS = 'Written on the web while you were looking.\n'

export const DEMO_STEPS: readonly DemoStep[] = [
  { title: 'A Bitrix24 of your own starts', run: startPortal },
  { title: 'The account is connected', run: connect },
  { title: 'The drive is mounted', run: mount },
  { title: 'Every file is listed, none is downloaded', run: list },
  { title: 'Opening a file downloads it', run: openFile },
  { title: 'An edit becomes a new version on the portal', run: edit },
  { title: 'A rename reaches the portal', run: renameFile },
  { title: 'A colleague\'s file arrives', run: receive },
  { title: 'A file gives its space back', run: free },
]

async function startPortal(stage: DemoStage): Promise<string> {
  const { url } = await stage.startPortal('demo')
  return `${url} with ${countInWords((await stage.portalObjects('no-hashes')).length, 'file and folder', 'files and folders')}`
}

async function connect(stage: DemoStage): Promise<string> {
  const connected = await stage.run(['connect', '-', '--folder', stage.folder], stage.address.webhook)
  check(connected.portal === new URL(stage.address.url).host, 'it is another portal than the one that was started')
  return String(connected.folder)
}

async function mount(stage: DemoStage): Promise<string> {
  await stage.run(['mount'])
  check((await findMount(stage.folder)) !== undefined, 'the command said so, but nothing is mounted')
  return stage.folder
}

async function list(stage: DemoStage): Promise<string> {
  const names = await readdir(stage.folder)
  const expected = (await stage.portalObjects('no-hashes')).filter(({ path }) => !path.includes('/')).map(({ path }) => path)
  const plain = expected.filter((name) => Buffer.byteLength(name) <= MAX_LOCAL_NAME_BYTES)
  const shortened = names.filter((name) => !plain.includes(name))
  const hidden = plain.filter((name) => !names.includes(name))
  // A name too long for Linux shows shortened; the folder of uploaded files is on the portal and not here (R5).
  check(names.length > 0 && shortened.length === expected.length - plain.length && hidden.length <= 1, 'the folder shows other names than the portal')
  const { cache } = (await stage.run(['status'])) as { cache?: { usedBytes?: number } }
  check(cache?.usedBytes === 0, 'files were downloaded before anybody opened them')
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`
}

async function openFile(stage: DemoStage): Promise<string> {
  const file = await chooseFile(stage)
  const bytes = await readFile(join(stage.folder, file.path))
  check(sha256(bytes) === file.sha256, `${file.path} has other bytes here than on the portal`)
  check((await stateOf(stage, file.path)) === 'cached', `${file.path} was read, but is not in the cache`)
  return `${file.path} (${bytesInWords(bytes.length)})`
}

async function edit(stage: DemoStage): Promise<string> {
  const before = await chooseFile(stage)
  const path = join(stage.folder, before.path)
  await appendFile(path, EDIT)
  await sync(stage)
  const after = await stage.portalObject(before.path)
  check(after?.sha256 === sha256(await readFile(path)), 'the portal does not have the edit')
  check(after.id === before.id && after.version > before.version, 'the edit did not become a version of the same file')
  return `${before.path}: version ${before.version} became ${after.version}`
}

async function renameFile(stage: DemoStage): Promise<string> {
  const before = await chooseFile(stage)
  const newPath = join(dirname(before.path), `Renamed ${basename(before.path)}`)
  await rename(join(stage.folder, before.path), join(stage.folder, newPath))
  await sync(stage)
  check((await stage.portalObject(newPath))?.id === before.id, 'the portal does not have the file under its new name')
  return `${before.path} is now ${newPath}`
}

async function receive(stage: DemoStage): Promise<string> {
  await stage.actAsColleague({ op: 'write', storage: stage.address.storage, path: COLLEAGUES_FILE, content: COLLEAGUES_WORDS })
  await sync(stage)
  check((await readFile(join(stage.folder, COLLEAGUES_FILE), 'utf8')) === COLLEAGUES_WORDS, 'the file is here with other words')
  return COLLEAGUES_FILE
}

async function free(stage: DemoStage): Promise<string> {
  const path = join(stage.folder, COLLEAGUES_FILE)
  await stage.run(['free', path])
  check((await stateOf(stage, COLLEAGUES_FILE)) === 'placeholder', 'the file is still in the cache')
  check((await stat(path)).size === Buffer.byteLength(COLLEAGUES_WORDS), 'the file lost its size')
  return `${COLLEAGUES_FILE} is listed, and takes no space`
}

/** A text where there is one, so that a person can look at it; never a large one. */
async function chooseFile(stage: DemoStage): Promise<PortalObject> {
  const files = (await stage.portalObjects()).filter(({ type, size, path }) => type === 'file' && size > 0 && size <= SMALL_FILE_BYTES && path !== COLLEAGUES_FILE)
  const here = await readdir(stage.folder)
  const visible = files.filter(({ path }) => here.includes(path.split('/')[0] ?? ''))
  const chosen = visible.find(({ path }) => /\.(txt|md)$/i.test(path)) ?? visible[0]
  if (chosen === undefined) throw new DriveError('not-found', 'the portal of the demo has no file to open')
  return chosen
}

async function sync(stage: DemoStage): Promise<void> {
  await stage.run(['sync', '--wait', SYNC_SECONDS])
}

async function stateOf(stage: DemoStage, path: string): Promise<string | undefined> {
  const { paths } = (await stage.run(['status', join(stage.folder, path)])) as { paths?: readonly { state?: string }[] }
  return paths?.[0]?.state
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function check(held: boolean, otherwise: string): asserts held {
  if (!held) throw new DriveError('internal', otherwise)
}
