/** What was found, for programs (build/bench.json) and for readers (the block of the README). */
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, release } from 'node:os'
import { goalText, meetsGoal, type Finding } from './finding.js'
import type { BenchOptions } from './options.js'
import { spreadText } from './spread.js'

const BEGIN = '<!-- measured by scripts/bench: begin -->'
const END = '<!-- measured by scripts/bench: end -->'

export function jsonReport(options: BenchOptions, found: readonly Finding[], failed: readonly string[]): string {
  const machine = { cpus: cpus().length, kernel: release(), node: process.version }
  const findings = found.map((finding) => ({ ...finding, met: meetsGoal(finding) ?? null }))
  return `${JSON.stringify({ quick: options.quick, machine, findings, failed }, null, 2)}\n`
}

/** Replaces what stands between the two markers; throws when they are not there. */
export async function writeReadmeBlock(path: string, options: BenchOptions, found: readonly Finding[]): Promise<void> {
  const text = await readFile(path, 'utf8')
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`${path} lacks the lines "${BEGIN}" and "${END}"`)
  await writeFile(path, `${text.slice(0, begin)}${BEGIN}\n${readmeBlock(options, found)}\n${text.slice(end)}`)
}

export function readmeBlock(options: BenchOptions, found: readonly Finding[]): string {
  const rows = found.map((finding) => {
    const { row, user, work, measured, unit, rclone, notes } = finding
    const met = meetsGoal(finding)
    const figure = `${spreadText(measured)} ${unit}`
    const cells = [
      `${work}${user === 'ordinary' ? ' (ordinary user)' : ''}`,
      goalText(finding),
      met === false ? `**${figure}, missed**` : figure,
      rclone === undefined ? '' : spreadText(rclone),
      notes.join('; '),
      `\`--rows ${row}\``,
    ]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  const command = `scripts/bench${options.quick ? ' --quick' : ''}`
  return [
    `Measured by \`${command}\` on ${cpus().length} cores, Linux ${release()}, Node ${process.version}: medians and ranges of the ratios of`,
    'rounds that alternate between ext4, the drive and `rclone mount --vfs-cache-mode full` over WebDAV at the same latency.',
    '',
    '| What | Goal | Measured | rclone | How it came | Command |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}
