/**
 * A program that saves without end, as programs do: in place, by a temporary name, under new names. It says what it begins
 * and what was answered, and ends with its mount; from that follows what each file may hold then.
 */
import { createHash } from 'node:crypto'

/** Arguments: seed, round, number of files. A content is its tag again and again. */
export const SAVES = `
import random
dice = random.Random(sys.argv[1])
count = 0
while True:
    way = dice.choice(['in-place', 'rename-over', 'rename-over', 'new'])
    tag = 'r%s-%d' % (sys.argv[2], count)
    name = 'n-%s.txt' % tag if way == 'new' else 'f%d.txt' % dice.randrange(int(sys.argv[3]))
    times = dice.choice([1, 20, 3000])
    content = ((tag + ' ') * times).encode()
    temporary = dice.choice(['.goutputstream-%s' % tag, '%s.%snew' % (name, tag)]) if way == 'rename-over' else '-'
    count += 1
    say('save', name, tag, times, temporary)
    with open(name if temporary == '-' else temporary, 'wb', buffering=0) as file:
        file.write(content[:len(content) // 2])
        file.write(content[len(content) // 2:])
        if dice.random() < 0.1: os.fsync(file.fileno())
    if temporary != '-': os.rename(temporary, name)
    say('done')
    if way == 'new' and dice.random() < 0.7:
        say('unlink', name)
        os.unlink(name)
        say('done')
`

/** What is in the folder, as `name digest size` lines. */
export const LOOK = `
import hashlib
for name in sorted(os.listdir('.')):
    content = open(name, 'rb').read()
    say(name, hashlib.sha256(content).hexdigest(), len(content))
`

export type Digests = ReadonlyMap<string, string>

/** What a name that was being changed may hold. */
interface Begun {
  /** Undefined: it may be missing. */
  readonly whole: readonly (string | undefined)[]
  /** Being written: a write(2) that is not answered may have come to any page of it, as on any file system. */
  readonly upTo?: Buffer
}

export interface Said {
  /** By name, what was answered. */
  readonly done: Digests
  readonly underWay: ReadonlyMap<string, Begun>
  /** How often each name was saved, the last time perhaps without an answer. */
  readonly saves: ReadonlyMap<string, number>
  readonly answers: number
}

/** From what was there before and the program's lines, of which the last may be cut off. */
export function heard(before: Digests, stdout: string): Said {
  const done = new Map(before)
  const saves = new Map<string, number>()
  let underWay = new Map<string, Begun>()
  let answers = 0
  let settle = (): void => undefined
  for (const line of stdout.split('\n').slice(0, -1)) {
    const [what, name = '', tag = '', times = '0', temporary = '-'] = line.split(' ')
    const before = done.get(name)
    if (what === 'done') {
      settle()
      underWay = new Map()
      answers += 1
    } else if (what === 'unlink') {
      underWay = new Map([[name, { whole: [before, undefined] }]])
      settle = () => done.delete(name)
    } else {
      const content = Buffer.from(`${tag} `.repeat(Number(times)))
      saves.set(name, (saves.get(name) ?? 0) + 1)
      const written = { whole: [temporary === '-' ? before : undefined], upTo: content }
      underWay = new Map<string, Begun>(temporary === '-' ? [[name, written]] : [[name, { whole: [before, digestOf(content)] }], [temporary, written]])
      settle = () => done.set(name, digestOf(content))
    }
  }
  return { done, underWay, saves, answers }
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** What is not as it was answered, nor as what was under way may have left it. */
export function lost({ done, underWay }: Said, found: Digests, sizes: ReadonlyMap<string, number>): readonly string[] {
  const names = new Set([...done.keys(), ...underWay.keys(), ...found.keys()])
  const isExpected = (name: string): boolean => {
    const { whole, upTo } = underWay.get(name) ?? { whole: [done.get(name)] }
    return whole.includes(found.get(name)) || (upTo !== undefined && found.has(name) && digestOf(upTo.subarray(0, sizes.get(name))) === found.get(name))
  }
  return [...names].filter((name) => !isExpected(name)).map((name) => `${name} holds ${String(found.get(name))} and not ${(underWay.get(name)?.whole ?? [done.get(name)]).join(' or ')}`)
}
