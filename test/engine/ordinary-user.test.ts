/**
 * The same suites as an ordinary user, through fusermount3. Run by root they change to the user nobody; /dev/fuse gets
 * the mode it has on ordinary distributions, and the kernel's control file system is mounted where systemd mounts it,
 * both put back after.
 */
import { chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadFuseAddon } from '../../src/engine/fuse-addon.js'
import { findMount } from '../../src/engine/mount-table.js'
import { AS_NOBODY, openProgram, withDeviceMode } from '../support/ordinary-user.js'
import { skipWithout } from '../support/skip.js'
import { Child, type Ended } from './children.js'
import { isRoot, temporaryFolder } from './mounted.js'

const CONTROL_FOLDER = '/sys/fs/fuse/connections'
const suite = (name: string): string => join(import.meta.dirname, `${name}.test.js`)

const PATH = '/usr/bin:/bin'

/** Runs a Node program as the user, to its end. Its environment is set behind the change of user: the runner of the tests adds to ours. */
async function asNobody(t: Test, program: string, args: readonly string[] = [], path = PATH): Promise<Ended> {
  const { node, find } = await openProgram(t)
  const [setpriv, ...asUser] = AS_NOBODY
  const environment = ['/usr/bin/env', '-i', `HOME=${tmpdir()}`, `TMPDIR=${tmpdir()}`, `PATH=${path}`]
  return new Child(t, setpriv, [...asUser, ...environment, node, '--enable-source-maps', find(program), ...args]).ended
}

async function runSuite(t: Test, name: string): Promise<void> {
  await withDeviceMode(t, 0o666)
  const { code, stdout, stderr } = await asNobody(t, suite(name))
  const failed = stdout.split('\n').filter((line) => /^\s*not ok/.test(line))
  t.strictSame({ code, failed, stderr }, { code: 0, failed: [], stderr: '' })
  t.match(stdout, /^ok \d+/m)
}

async function withControlFolder(t: Test): Promise<void> {
  if ((await findMount(CONTROL_FOLDER)) !== undefined) return
  const addon = loadFuseAddon()
  t.equal(await addon.mount('fusectl', CONTROL_FOLDER, 'fusectl', 0, ''), 0)
  t.teardown(() => addon.unmount(CONTROL_FOLDER, 0))
}

const options = { timeout: 240_000, ...(isRoot ? skipWithout('fuse') : { skip: 'the suites themselves run as an ordinary user' }) }

void t.test('without the right to open /dev/fuse, and without fusermount3, mounting says what is missing', options, async (t) => {
  const daemon = join(import.meta.dirname, 'daemon-process.js')
  await withDeviceMode(t, 0o600)
  t.match((await asNobody(t, daemon, ['/'])).stdout, 'failed no-fuse-device')
  await chmod('/dev/fuse', 0o666)
  const folder = await temporaryFolder(t)
  t.match((await asNobody(t, daemon, [folder], '/nowhere')).stdout, 'failed no-fusermount')
  const refused = await asNobody(t, daemon, [folder])
  t.match(refused.stdout, 'failed mount-failed', 'the folder belongs to root')
  t.match(refused.stderr, /could not be mounted: .*(permission|access)/i, 'in the words of fusermount3')
})

void t.test('unmounting, without a way to abort from outside', options, (t) => runSuite(t, 'unmount'))

void t.test('the contract', options, (t) => runSuite(t, 'native-contract'))

void t.test('dead mounts', options, async (t) => {
  await withControlFolder(t)
  await runSuite(t, 'dead-mount')
})
