/** `check-checklist.js`: prints what the table of checklist items in src/portal/README.md lacks; exits 1 if there is anything. */
import { existsSync, readFileSync } from 'node:fs'
import { findChecklistGaps } from './checklist-gaps.js'

const README = 'src/portal/README.md'
const gaps = findChecklistGaps(readFileSync(README, 'utf8'), (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined))
for (const gap of gaps) console.log(`${README}: ${gap}`)
process.exitCode = gaps.length === 0 ? 0 : 1
