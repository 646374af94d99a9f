/** Which engine runs and why, and that what is written about the engines is what they do. */
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { DriveError } from '../../src/base/errors.js'
import { CAPABILITIES, ENGINE_CAPABILITIES, lacking, type Capability } from '../../src/engine/engine-capabilities.js'
import { chooseEngine, type EngineLoaders } from '../../src/engine/mount-engine.js'
import { contractCases } from './contract.js'

const loads = (): unknown => ({})
const fails = (message: string) => (): never => {
  throw new DriveError('unsupported', message)
}
const both: EngineLoaders = { native: loads, 'fuse-native': loads }
const noAddon: EngineLoaders = { native: fails('The native addon is not built.'), 'fuse-native': loads }
const neither: EngineLoaders = { native: fails('The native addon is not built.'), 'fuse-native': fails('Install the package libfuse2.') }

void t.test('the native engine runs unless another is asked for', (t) => {
  t.match(chooseEngine({ name: 'native', by: 'setting' }, both), { name: 'native', lacks: [] })
  t.match(chooseEngine({ name: 'fuse-native', by: 'option' }, both), { name: 'fuse-native', why: /--engine/, lacks: lacking('fuse-native') })
  t.match(chooseEngine({ name: 'fuse-native', by: 'setting' }, both), { name: 'fuse-native', why: /setting/ })
  t.end()
})

void t.test('where the addon cannot be loaded fuse-native runs, and says why', (t) => {
  t.match(chooseEngine({ name: 'native', by: 'setting' }, noAddon), { name: 'fuse-native', why: /native addon is not built/ })
  t.end()
})

void t.test('an engine asked for by name is never another', (t) => {
  t.throws(() => chooseEngine({ name: 'native', by: 'option' }, noAddon), { code: 'unsupported', message: /not built/ })
  t.throws(() => chooseEngine({ name: 'fuse-native', by: 'setting' }, { ...both, 'fuse-native': fails('Install the package libfuse2.') }), { message: /libfuse2/ })
  t.end()
})

void t.test('where neither can be loaded both reasons are told', (t) => {
  t.throws(() => chooseEngine({ name: 'native', by: 'setting' }, neither), { code: 'unsupported', message: /not built.*libfuse2/ })
  t.end()
})

void t.test('every capability is asked for by a case of the contract', (t) => {
  const needed = new Set(contractCases.flatMap(({ needs }) => needs))
  t.strictSame([...needed].sort(), Object.keys(CAPABILITIES).sort())
  t.end()
})

void t.test('the table in src/engine/README.md is what the code says', async (t) => {
  const readme = await readFile('src/engine/README.md', 'utf8')
  const rows = readme.split('\n').filter((line) => line.startsWith('| `'))
  const mark = (engine: 'native' | 'fuse-native', capability: Capability): string => (ENGINE_CAPABILITIES[engine].includes(capability) ? 'yes' : 'no')
  const wanted = (Object.entries(CAPABILITIES) as [Capability, string][]).map(
    ([capability, without]) => `| \`${capability}\` | ${mark('native', capability)} | ${mark('fuse-native', capability)} | ${without} |`,
  )
  t.strictSame(rows, wanted)
})
