/**
 * `run-traits.js [--mixed] [--only PART] [SUITE…]`: the suites once on each portal, a line for each portal, what failed in
 * full. Exits 1 when anything failed.
 */
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { MIXED_PORTALS, TRAIT_PORTALS, type TraitPortal } from '../../test/support/trait-portals.js'

const SUITES = ['drive', 'upload', 'watch', 'hydrate/portal', 'mount/editing', 'mount/reading', 'mount/listing', 'mount/remote-changes', 'mount/model']

const { values, positionals } = parseArgs({ options: { mixed: { type: 'boolean', default: false }, only: { type: 'string', default: '' } }, allowPositionals: true })
const portals = (values.mixed ? MIXED_PORTALS : TRAIT_PORTALS).filter(({ name }) => name.includes(values.only))
const suites = positionals.length === 0 ? SUITES : positionals
let failed = portals.length === 0 ? 1 : 0
if (failed > 0) console.error(`No portal is called ${values.only}: ${TRAIT_PORTALS.map(({ name }) => name).join(', ')}`)
for (const portal of portals) {
  const { output, status } = await run(portal)
  const lines = output.trimEnd().split('\n')
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'}  ${portal.name}  ${lines.at(-1) ?? ''}`)
  if (status === 0) continue
  failed += 1
  console.log(lines.filter((line) => !line.startsWith('ok ')).join('\n'))
}
process.exitCode = failed === 0 ? 0 : 1

function run({ traits }: TraitPortal): Promise<{ output: string; status: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--enable-source-maps', 'build/scripts/checks/run-checks.js', ...suites], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ELASTIC_DRIVE_PORTAL_TRAITS: JSON.stringify(traits) },
    })
    const pieces: Buffer[] = []
    child.stdout.on('data', (piece: Buffer) => pieces.push(piece))
    child.once('error', reject)
    child.once('close', (status) => {
      resolve({ output: Buffer.concat(pieces).toString(), status })
    })
  })
}
