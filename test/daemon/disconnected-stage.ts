/** A drive that was worked with and unmounted, in copies that a test may disconnect, connect and let die. */
import { cp, mkdir, mkdtemp, readdir, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { removeTree } from '../../scripts/checks/remove-tree.js'
import { systemClock } from '../../src/base/clock.js'
import { asRemoteId, asStorageId } from '../../src/base/ids.js'
import { readBootId } from '../../src/daemon/daemon-record.js'
import { disconnectProfile, type Disconnected } from '../../src/daemon/disconnect.js'
import { fileGrants } from '../../src/daemon/grant-store.js'
import { writeMarker } from '../../src/daemon/marker.js'
import { profilePaths, type ProfilePaths, type Surroundings } from '../../src/daemon/paths.js'
import { writeProfile, type Profile } from '../../src/daemon/profile.js'
import { fileSecrets } from '../../src/daemon/secrets.js'
import { WholeClient } from '../support/whole-client.js'

/** Files that stay, by path. */
export const KEPT: Readonly<Record<string, string>> = { 'read.txt': 'remote read', 'sub/read.txt': 'remote sub', 'mine.txt': 'mine', 'new/deep.txt': 'deep', 'zero.txt': '' }

export interface Place {
  readonly directory: string
  readonly paths: ProfilePaths
  readonly profile: Profile
}

export const surroundingsIn = (directory: string): Surroundings =>
  ({ env: { ELASTIC_DRIVE_HOME: directory }, homeDirectory: directory, temporaryDirectory: directory, uid: process.getuid?.() ?? 0, workingDirectory: directory })

/** The drive as its owner left it, and the portal it is on, which runs until the end of the test. */
export interface Worked {
  readonly home: string
  readonly client: WholeClient
  readonly profile: Omit<Profile, 'folder'>
}

export async function workedWith(t: Pick<Test, 'teardown'>): Promise<Worked> {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-disconnection-'))
  t.teardown(() => removeTree(directory))
  const ends: (() => unknown)[] = []
  const home = join(directory, 'home')
  const client = await WholeClient.start({ teardown: (end) => ends.unshift(end) }, {}, { directory: home, portalDirectory: join(directory, 'portal'), bootId: await readBootId(), uploadDelay: 36_000 })
  await client.act('mkdir', { path: 'sub' })
  for (const [path, content] of [['read.txt', KEPT['read.txt']], ['sub/read.txt', KEPT['sub/read.txt']], ['never.txt', 'never read'], ['trashed.txt', 'x']]) await client.act('write', { path, content })
  await client.settle()
  for (const path of ['read.txt', 'sub/read.txt', 'trashed.txt']) await client.read(path)
  await client.unlink('trashed.txt')
  await client.mkdir('new')
  await client.mkdir('hollow')
  for (const path of ['mine.txt', 'new/deep.txt', 'zero.txt']) await client.write(path, KEPT[path]!)
  const stopClient = ends.shift()
  await stopClient?.()
  for (const end of ends) t.teardown(() => end())
  const root = (await (await fetch(`${client.portal.webhook}disk.storage.get?id=${client.portal.storageId}`)).json()) as { result: { ID: unknown; ROOT_OBJECT_ID: unknown } }
  const profile = {
    portal: new URL(client.portal.url).host, userId: '1', userName: 'Ada', storageId: asStorageId(String(root.result.ID)), rootFolderId: asRemoteId(String(root.result.ROOT_OBJECT_ID)),
    folderMode: 0o750, connectedAt: '2026-11-27T00:00:00.000Z', mode: 'elastic',
  } as const
  return { home, client, profile }
}

/** Unmounted, in a folder of its own. */
export async function copyOf(t: Pick<Test, 'teardown'>, { home, profile: known }: Worked): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-disconnection-copy-'))
  t.teardown(() => removeTree(directory))
  await cp(home, directory, { recursive: true })
  const paths = profilePaths('default', surroundingsIn(directory))
  const profile: Profile = { ...known, folder: join(directory, 'Bitrix24') }
  await mkdir(profile.folder, { recursive: true, mode: 0o555 })
  await writeProfile(paths, profile)
  await writeMarker(profile.folder, { profile: paths.profile, portal: profile.portal, userId: profile.userId })
  await fileSecrets(paths).writeWebhook('https://acme.bitrix24.com/rest/1/abcdefgh/')
  return { directory, paths, profile }
}

export const disconnect = ({ paths }: Place): Promise<Disconnected> => disconnectProfile({ paths, clock: systemClock, secrets: fileSecrets(paths), grants: fileGrants(paths) })

/** Files below the folder, without the marker. */
export async function contentsOf(folder: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {}
  for (const name of await readdir(folder, { recursive: true })) {
    if (name !== '.elastic-drive' && (await stat(join(folder, name))).isFile()) found[name] = await readFile(join(folder, name), 'utf8')
  }
  return found
}
