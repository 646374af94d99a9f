/** Whether an answer of a worker process is the model's, and what went before when it is not. */
import { getSystemErrorName } from 'node:util'
import type { Answer } from './model-process.js'
import type { ModelNode } from './model-tree.js'

export interface Facts {
  readonly kind: 'file' | 'folder'
  /** Null: not compared. */
  readonly sizeBytes: number | null
  readonly mode: number
  readonly links: number
  readonly mtimeSec: number | null
}

export interface Expected {
  readonly errno: number
  readonly value?: number
  readonly bytes?: Buffer
  readonly names?: readonly string[]
  readonly facts?: Facts
  /** Whose facts: a node keeps its inode number, and no other gets it. */
  readonly node?: ModelNode
}

const LINES_TOLD = 40

export class Inodes {
  readonly #numbers = new Map<ModelNode, string>()
  readonly #nodes = new Map<string, ModelNode>()

  fault(node: ModelNode, number: string): string | undefined {
    const known = this.#numbers.get(node)
    const owner = this.#nodes.get(number)
    if (known === undefined && owner === undefined) {
      this.#numbers.set(node, number)
      this.#nodes.set(number, node)
      return undefined
    }
    return known === number ? undefined : `inode ${number} where it was ${known ?? 'never seen'}, and the number ${owner === undefined ? 'is new' : "is another item's"}`
  }
}

/** What is wrong, or undefined. */
export function faultOf(expected: Expected, answer: Answer, inodes: Inodes): string | undefined {
  if (answer.errno !== expected.errno) return `${errorName(answer.errno)} instead of ${errorName(expected.errno)}`
  if (answer.errno !== 0) return undefined
  if (expected.value !== undefined && answer.value !== expected.value) return `it returned ${answer.value} instead of ${expected.value}`
  if (expected.bytes !== undefined && !answer.bytes.equals(expected.bytes)) return bytesFault(expected.bytes, answer.bytes)
  if (expected.names !== undefined) return namesFault(expected.names, answer.bytes.toString().split('\t'))
  if (expected.facts !== undefined) return factsFault(expected.facts, expected.node, answer.bytes.toString().split('\t'), inodes)
  return undefined
}

export function factsOf(node: ModelNode): Facts {
  const file = node.kind === 'file' ? { sizeBytes: node.bytes.length, mtimeSec: node.mtimeSec } : { sizeBytes: null, mtimeSec: null }
  return { kind: node.kind, mode: node.mode, links: node.links, ...file }
}

/** The last lines of a stream, the failed one at the end, and the earlier ones about the same handle or path. */
export function storyOf(lines: readonly string[]): string {
  const [, ...words] = (lines.at(-1) ?? '').split('\t')
  const [subject = ''] = words
  const isAbout = (line: string): boolean => line.split('\t').some((word, index) => index > 0 && word !== '' && (word === subject || subject.startsWith(`${word}/`)))
  const earlier = lines.slice(0, -LINES_TOLD).filter(isAbout).slice(-LINES_TOLD)
  return [...earlier, '…', ...lines.slice(-LINES_TOLD)].map((line) => line.replaceAll('\t', ' ')).join('\n')
}

function bytesFault(expected: Buffer, actual: Buffer): string {
  if (actual.length !== expected.length) return `${actual.length} bytes instead of ${expected.length}`
  const wrong = [...expected.keys()].filter((index) => expected[index] !== actual[index])
  const [first = 0] = wrong
  const around = (bytes: Buffer): string => bytes.subarray(first, first + 16).toString('hex')
  return `${wrong.length} wrong bytes of ${expected.length}, from ${first} to ${wrong.at(-1) ?? 0}: ${around(actual)} instead of ${around(expected)}`
}

function namesFault(expected: readonly string[], actual: readonly string[]): string | undefined {
  const missing = expected.filter((name) => !actual.includes(name))
  const extra = actual.filter((name) => !expected.includes(name))
  if (missing.length === 0 && extra.length === 0 && actual.length === expected.length) return undefined
  return `${actual.length} names instead of ${expected.length}: missing ${JSON.stringify(missing)}, not expected ${JSON.stringify(extra)}`
}

function factsFault(expected: Facts, node: ModelNode | undefined, [kind, size, mode, links, mtime, ino = '']: readonly string[], inodes: Inodes): string | undefined {
  const actual = { kind, size: expected.sizeBytes === null ? null : Number(size), mode: Number(mode), links: Number(links), mtime: expected.mtimeSec === null ? null : Number(mtime) }
  const wanted = { kind: expected.kind, size: expected.sizeBytes, mode: expected.mode, links: expected.links, mtime: expected.mtimeSec }
  if (JSON.stringify(actual) !== JSON.stringify(wanted)) return `${JSON.stringify(actual)} instead of ${JSON.stringify(wanted)}`
  return node === undefined ? undefined : inodes.fault(node, ino)
}

export function errorName(errno: number): string {
  return errno === 0 ? 'success' : getSystemErrorName(-errno)
}
