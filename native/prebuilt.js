// A compiled addon for machines without a compiler: `pack` keeps the one that is built under
// prebuilt/PLATFORM-ARCH-LIBC/, with a manifest; `take` makes it the one that is loaded, if it was built from these
// sources and loads here. Plain JavaScript: it runs before anything is compiled. Refusals go to standard error, exit code 1;
// `take` exits 3 where nothing is packed for this machine.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NATIVE = dirname(fileURLToPath(import.meta.url))
const ADDON = 'elastic_drive.node'
const BUILT = join(NATIVE, 'out', ADDON)
const NOTHING_PACKED = 3
const NODE_API = Number(/-DNAPI_VERSION=(\d+)/.exec(readFileSync(join(NATIVE, 'build'), 'utf8'))?.[1])

const glibc = process.report.getReport().header.glibcVersionRuntime
const machine = `${process.platform}-${process.arch}-${glibc === undefined ? 'musl' : 'glibc'}`
const folder = join(NATIVE, 'prebuilt', machine)

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Of names and bytes of everything that is compiled. */
function hashOfSources() {
  const names = readdirSync(NATIVE).filter((name) => name.endsWith('.cc') || name.endsWith('.h'))
  return sha256(names.sort().map((name) => `${name} ${sha256(readFileSync(join(NATIVE, name)))}\n`).join(''))
}

function pack() {
  mkdirSync(folder, { recursive: true })
  const packed = join(folder, ADDON)
  copyFileSync(BUILT, packed)
  // Nine tenths of it are for debuggers; without strip it is only larger.
  spawnSync('strip', ['--strip-debug', packed], { stdio: 'ignore' })
  const manifest = {
    machine,
    nodeApi: NODE_API,
    libc: glibc === undefined ? 'musl' : `glibc ${glibc}`,
    sources: hashOfSources(),
    addon: sha256(readFileSync(packed)),
  }
  writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  process.stdout.write(`Packed native/prebuilt/${machine}: copy native/prebuilt into a checkout with the same sources.\n`)
}

function take() {
  if (!existsSync(join(folder, 'manifest.json'))) return NOTHING_PACKED
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
  const instead = 'Install g++ (Debian, Ubuntu: apt install g++), or run native/pack with these sources on a machine that has it and copy native/prebuilt here.'
  if (manifest.sources !== hashOfSources()) return refuse(`native/prebuilt/${machine} was packed from other sources than these. ${instead}`)
  if (manifest.addon !== sha256(readFileSync(join(folder, ADDON)))) return refuse(`native/prebuilt/${machine}/${ADDON} is damaged: it is not what its manifest names. ${instead}`)
  if (manifest.nodeApi > Number(process.versions.napi)) return refuse(`The packed addon needs Node-API ${manifest.nodeApi}, this Node has ${process.versions.napi}: install a newer Node.`)
  mkdirSync(dirname(BUILT), { recursive: true })
  const next = `${BUILT}.${process.pid}`
  copyFileSync(join(folder, ADDON), next)
  // In a process of its own: what does not fit this machine may end it.
  const { status, signal, stderr } = spawnSync(process.execPath, ['-e', 'process.dlopen({ exports: {} }, process.argv[1])', next], { encoding: 'utf8' })
  if (status !== 0) {
    rmSync(next)
    const reason = stderr.split('\n').find((line) => line.startsWith('Error: ')) ?? signal ?? `exit code ${status}`
    return refuse(`The addon that was packed with ${manifest.libc} does not load here (${reason}). ${instead}`)
  }
  renameSync(next, BUILT) // in one step: another process may be loading the old one
  return 0
}

function refuse(message) {
  process.stderr.write(`${message}\n`)
  return 1
}

if (process.argv[2] === 'pack') pack()
else process.exitCode = take()
