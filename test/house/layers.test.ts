import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { LAYERS, LONGER_FILES } from '../../scripts/checks/layer-rules.js'
import { findViolations } from '../../scripts/checks/layer-violations.js'

/** What is wrong in a tree given as path → text, as `path:line rule`. */
function violations(tree: Readonly<Record<string, string>>): readonly string[] {
  return findViolations(new Map(Object.entries(tree))).map(({ path, line, rule }) => `${path}:${line} ${rule}`)
}

await t.test('imports that point down or stay in the folder are fine', (t) => {
  const tree = {
    'base/clock.ts': '',
    'drive/drive.ts': `import { clock } from '../base/clock.js'\nimport pino from 'pino'\nimport { readFile } from 'node:fs/promises'`,
    'fs/nodes.ts': `import { clock } from '../base/clock.js'`,
    'fs/handles.ts': `import type { Node } from './nodes.js'\nimport { drive } from '../drive/drive.js'`,
    'cli/main.ts': `import { start } from '../portal/start.js'`,
    'portal/start.ts': `import { clock } from '../base/clock.js'`,
  }
  t.strictSame(violations(tree), [])
  t.end()
})

await t.test('every form of an import that points up is found with its line', (t) => {
  const forms = [
    `import { x } from '../cli/x.js'`,
    `import type { X } from '../cli/x.js'`,
    `import '../cli/x.js'`,
    `export { x } from '../cli/x.js'`,
    `export type * from '../cli/x.js'`,
    `const x = await import('../cli/x.js')`,
    `type X = import('../cli/x.js').X`,
    `import x = require('../cli/x.js')`,
  ]
  for (const form of forms) {
    t.strictSame(violations({ 'base/a.ts': `// a line before\n${form}` }), ['base/a.ts:2 imports point down: base stands below cli ("../cli/x.js")'], form)
  }
  t.end()
})

await t.test('an import in a comment or a text is none', (t) => {
  t.strictSame(violations({ 'base/a.ts': `// import '../cli/x.js'\nconst text = "import '../cli/x.js'"` }), [])
  t.end()
})

await t.test('folders of one row never import each other', (t) => {
  for (const row of LAYERS.filter((folders) => folders.length > 1)) {
    const [one = '', other = ''] = row
    t.match(violations({ [`${one}/a.ts`]: `import '../${other}/b.js'` }), [/:1 .* stand in one row/])
    t.match(violations({ [`${other}/a.ts`]: `import type {} from '../${one}/b.js'` }), [/:1 .* stand in one row/])
  }
  t.end()
})

await t.test('the portal imports nothing but base, and only who starts it imports the portal', (t) => {
  for (const folder of LAYERS.flat().filter((name) => name !== 'base' && name !== 'portal')) {
    t.equal(violations({ 'portal/a.ts': `import '../${folder}/b.js'` }).length, 1, `portal imports ${folder}`)
    const allowed = folder === 'daemon' || folder === 'cli'
    t.equal(violations({ [`${folder}/a.ts`]: `import '../portal/b.js'` }).length, allowed ? 0 : 1, `${folder} imports portal`)
  }
  t.end()
})

await t.test('imports that go in a circle are told with the whole circle, types included', (t) => {
  const tree = {
    'fs/a.ts': `import './b.js'`,
    'fs/b.ts': `\nimport type { C } from './c.js'`,
    'fs/c.ts': `import './a.js'`,
    'fs/d.ts': `import './a.js'`,
  }
  t.strictSame(violations(tree), ['fs/c.ts:1 imports go in a circle: fs/a.ts → fs/b.ts → fs/c.ts → fs/a.ts'])
  t.strictSame(violations({ 'fs/a.ts': `import './a.js'` }), ['fs/a.ts:1 imports go in a circle: fs/a.ts → fs/a.ts'])
  t.end()
})

await t.test('a folder or file outside the layers and an import out of src are found', (t) => {
  t.match(violations({ 'main.ts': '' }), [/^main\.ts:1 stands in no layer/])
  t.match(violations({ 'misc/a.ts': '' }), [/^misc\/a\.ts:1 stands in no layer/])
  t.match(violations({ 'cli/a.ts': `import '../misc/b.js'` }), [/:1 imports from misc, which is no layer/])
  t.match(violations({ 'cli/a.ts': `import '../../test/support/skip.js'` }), [/:1 imports from outside src/])
  t.end()
})

await t.test('a file too long is found, one of just the length is not', (t) => {
  t.match(violations({ 'base/long.ts': 'x\n'.repeat(401) }), [/^base\/long\.ts:401 401 lines/])
  t.strictSame(violations({ 'base/long.ts': 'x\n'.repeat(400) }), [])
  t.strictSame(Object.values(LONGER_FILES).filter((reason) => reason.trim() === ''), [])
  t.end()
})

await t.test('names that say nothing are refused, and words that only look like them are not', (t) => {
  for (const name of ['util', 'string-utils', 'test-helper', 'common', 'cache-manager', 'fs.impl', 'index', 'helpers/range']) {
    t.equal(violations({ [`base/${name}.ts`]: '' }).length, 1, name)
  }
  for (const name of ['cache-index', 'utilization', 'indexes', 'implicit-links']) {
    t.strictSame(violations({ [`base/${name}.ts`]: '' }), [], name)
  }
  t.end()
})

await t.test('the command prints each violation and exits 1', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'elastic-layers-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  await mkdir(join(root, 'base'))
  await writeFile(join(root, 'base/a.ts'), `import '../cli/x.js'\n`)
  const run = promisify(execFile)(process.execPath, ['build/scripts/checks/check-layers.js', root])
  await t.rejects(run, { code: 1, stdout: `${root}/base/a.ts:1 imports point down: base stands below cli ("../cli/x.js")\n` })
})
