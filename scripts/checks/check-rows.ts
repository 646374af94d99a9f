/** `check-rows.js`: prints the rows C1 to C27 and F1 to F10 of the decision tables that no test on a mount plays; exits 1 if there is any. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findRowGaps } from './row-gaps.js'

const FOLDER = 'test/mount'
const gaps = findRowGaps(readdirSync(FOLDER).filter((name) => name.endsWith('.ts')).map((name) => readFileSync(join(FOLDER, name), 'utf8')))
for (const gap of gaps) console.log(gap)
process.exitCode = gaps.length === 0 ? 0 : 1
