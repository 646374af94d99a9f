/** `check-layers.js DIR`: prints each violation of the layer rules below DIR as `file:line rule`; exits 1 if there are any. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findViolations } from './layer-violations.js'

const root = process.argv[2] ?? 'src'
const paths = (await readdir(root, { recursive: true })).filter((path) => path.endsWith('.ts')).sort()
const sources = new Map(await Promise.all(paths.map(async (path) => [path, await readFile(join(root, path), 'utf8')] as const)))
const violations = findViolations(sources)
for (const { path, line, rule } of violations) console.log(`${join(root, path)}:${line} ${rule}`)
process.exitCode = violations.length === 0 ? 0 : 1
