/** Contract: listings, and the books of lookups that listings fill. */
import { mkdir, readdir, rmdir, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { python } from './children.js'
import type { ContractCase, Mounted } from './contract-case.js'

const MANY = 20_000

function fill({ fileSystem: { tree } }: Mounted, count: number): void {
  const folder = tree.add(tree.root, 'many', 'directory', 0o755)
  for (let index = 0; index < count; index += 1) tree.add(folder, `file number ${index}`, 'file', 0o644).resize(index)
}

/** FORGET has no answer and comes when the kernel likes; the test's own deadline is the bound. */
async function forgotten({ folder, fileSystem }: Mounted): Promise<void> {
  while (fileSystem.lookups > 0) await stat(join(folder, 'missing')).catch(() => undefined)
}

export const directoryCases: readonly ContractCase[] = [
  {
    name: 'a folder of 20,000 is listed whole, by names alone and with attributes',
    needs: [],
    run: async (t, mounted) => {
      fill(mounted, MANY)
      const names = await readdir(join(mounted.folder, 'many'))
      t.equal(new Set(names).size, MANY)
      const script = `
sizes = [entry.stat().st_size for entry in os.scandir('many')]
say(len(sizes), sum(sizes))
`
      t.strictSame(await python(t, mounted.folder, script), [`${MANY} ${(MANY * (MANY - 1)) / 2}`])
    },
  },
  {
    name: 'listings with attributes fill the kernel, so that 20,000 stats ask little',
    needs: ['readdirplus'],
    run: async (t, mounted) => {
      fill(mounted, MANY)
      await python(t, mounted.folder, "for entry in os.scandir('many'): entry.stat()")
      const { calls } = mounted.fileSystem
      t.ok((calls.get('readdirplus') ?? 0) > 10)
      t.ok((calls.get('lookup') ?? 0) + (calls.get('getattr') ?? 0) < MANY / 2, `${calls.get('lookup') ?? 0} lookups`)
    },
  },
  {
    name: 'a listing has . and .., the kinds and inode numbers of stat, and can be taken up again at any entry',
    needs: [],
    run: async (t, { folder, fileSystem }) => {
      await mkdir(join(folder, 'd'))
      await writeFile(join(folder, 'f'), '')
      const libc = `
libc = ctypes.CDLL(None, use_errno=True)
class Dirent(ctypes.Structure):
    _fields_ = [('ino', ctypes.c_uint64), ('off', ctypes.c_int64), ('reclen', ctypes.c_uint16), ('type', ctypes.c_uint8), ('name', ctypes.c_char * 256)]
libc.opendir.restype = ctypes.c_void_p
libc.readdir.restype = ctypes.POINTER(Dirent)
libc.telldir.restype = ctypes.c_long
libc.readdir.argtypes = libc.telldir.argtypes = libc.rewinddir.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
d = libc.opendir(b'.')
seen = []
while (e := libc.readdir(d)): seen.append((e.contents.name.decode(), e.contents.type, e.contents.ino, libc.telldir(d)))
say(*[name + ':' + str(kind) for name, kind, ino, at in seen])
say(all(os.stat(name).st_ino == ino for name, kind, ino, at in seen if name != '..'))
libc.seekdir(d, seen[1][3])
say(libc.readdir(d).contents.name.decode(), libc.readdir(d).contents.name.decode(), bool(libc.readdir(d)))
libc.rewinddir(d)
say(libc.readdir(d).contents.name.decode())
`
      t.strictSame(await python(t, folder, libc), ['.:4 ..:4 d:4 f:8', 'True', 'd f False', '.'])
      t.notOk(fileSystem.tree.root.lookups, 'the root is never counted')
    },
  },
  {
    name: 'a folder can be emptied while it is listed',
    needs: [],
    run: async (t, mounted) => {
      fill(mounted, 500)
      await python(t, mounted.folder, "for entry in os.scandir('many'): os.unlink(entry.path)")
      await rmdir(join(mounted.folder, 'many'))
      t.strictSame(await readdir(mounted.folder), [])
      if (mounted.fileSystem.lookups > 0) await forgotten(mounted)
      t.equal(mounted.fileSystem.tree.nodes.size, 1)
    },
  },
  {
    name: 'the kernel and the filesystem agree on every lookup, also of entries that did not fit a reply',
    needs: ['inodes'],
    run: async (t, mounted) => {
      const { folder, fileSystem, dropCaches } = mounted
      if (dropCaches === undefined) {
        t.pass('the kernel cannot be made to forget here')
        return
      }
      fill(mounted, MANY)
      await python(t, folder, "for entry in os.scandir('many'): entry.stat()")
      await python(t, folder, "os.listdir('many'); [os.stat('many/file number %d' % index) for index in range(0, 20000, 7)]")
      t.ok(fileSystem.lookups >= MANY)
      for (let index = 0; index < 300; index += 1) {
        await writeFile(join(folder, `f${index}`), 'x')
        await stat(join(folder, `missing ${index}`)).catch(() => undefined)
        if (index % 2 === 0) await unlink(join(folder, `f${index}`))
      }
      await dropCaches()
      await forgotten(mounted)
      t.equal(fileSystem.openHandles, 0)
      t.equal(fileSystem.tree.nodes.size, 1 + 1 + MANY + 150)
    },
  },
]
