/** `check-semantics.js`: prints what src/fs/SEMANTICS.md lacks, and which errors no test on a mount provokes; exits 1 if there is anything. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NEVER_TOLD, TOLD } from '../../src/fs/errno.js'
import { findErrnoGaps } from './errno-gaps.js'
import { findSemanticsGaps } from './semantics-gaps.js'

const DOCUMENT = 'src/fs/SEMANTICS.md'
const document = readFileSync(DOCUMENT, 'utf8')
const paths = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test.ts')).map((name) => join('test', name))
// The tests of the check itself make up paragraphs.
const tests = new Map(paths.filter((path) => !path.startsWith('test/house/')).map((path) => [path, readFileSync(path, 'utf8')]))
const mountTests = [...tests].filter(([path]) => path.startsWith('test/mount/')).map(([, text]) => text)
const gaps = [...findSemanticsGaps(document, tests), ...findErrnoGaps({ told: TOLD, neverTold: NEVER_TOLD }, document, mountTests)]
for (const gap of gaps) console.log(`${DOCUMENT}: ${gap}`)
process.exitCode = gaps.length === 0 ? 0 : 1
