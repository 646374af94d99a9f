/** A process that maps a file, closes its descriptor, and stores to the mapping when told to. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

// Python's own mmap keeps a copy of the descriptor open; this does not.
const PROGRAM = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
file = os.open(sys.argv[1], os.O_RDWR)
address = libc.mmap(None, os.fstat(file).st_size, 3, 1, file, 0)
if address == ctypes.c_void_p(-1).value:
    raise OSError(ctypes.get_errno(), 'mmap')
os.close(file)
print('mapped', flush=True)
for line in sys.stdin:
    offset, text = line.rstrip('\\n').split(' ', 1)
    ctypes.memmove(address + int(offset), text.encode(), len(text.encode()))
    print('stored', flush=True)
`

export interface Mapping {
  /** Resolves when the bytes are in the mapping; nothing is flushed. */
  store(offset: number, text: string): Promise<void>
  end(): Promise<void>
}

/** Resolves when the file is mapped and its descriptor closed. */
export async function mapShared(t: Test, path: string): Promise<Mapping> {
  const child = spawn('python3', ['-c', PROGRAM, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => {
    resolve()
  }))
  const end = async (): Promise<void> => {
    child.stdin.end()
    await ended
  }
  t.teardown(end)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const expect = async (word: string): Promise<void> => {
    const line: IteratorResult<string, unknown> = await lines.next()
    if (line.value !== word) throw new Error(`the mapping process said ${String(line.value)} instead of ${word}`)
  }
  await expect('mapped')
  return {
    end,
    store: async (offset, text) => {
      child.stdin.write(`${offset} ${text}\n`)
      await expect('stored')
    },
  }
}
