// Exits 0 when node_modules holds the packages that package-lock.json names. Plain JavaScript: it runs before anything
// is compiled.
import { readFileSync } from 'node:fs'

const wanted = packages('package-lock.json')
const installed = packages('node_modules/.package-lock.json')

const foreign = Object.entries(installed).some(([path, { version }]) => wanted[path]?.version !== version)
// Optional packages of other platforms are in the lock file and never installed.
const absent = Object.entries(wanted).some(([path, { optional }]) => path !== '' && optional !== true && installed[path] === undefined)
process.exitCode = foreign || absent ? 1 : 0

function packages(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages
}
